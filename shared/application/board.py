"""The board: what a person on call wants to see at once, from the stores alone; no outside system is asked."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from shared.application.channel_ports import ChannelStates
from shared.application.chores import Chore
from shared.application.dead_letters import DeadLetters, LetterView
from shared.application.headroom import Headroom
from shared.application.paging import read_position
from shared.application.ports import Clock, Incidents, Outbox, OutboxRow
from shared.application.reports import IncidentSummary, NotFound, summary_of
from shared.application.rotation_ports import Rotations
from shared.application.sweep_ports import ChoreRun, ChoreRuns
from shared.domain.circuits import Circuit
from shared.domain.dead_letters import LetterState
from shared.domain.headroom import Outlook, Reading
from shared.domain.incidents import IncidentState
from shared.domain.policy import Policy, Provider
from shared.domain.rotation import Rotation

WAITING: Final = frozenset({IncidentState.AWAITING_APPROVAL})
STUCK: Final = frozenset({IncidentState.BLOCKED, IncidentState.FAILED})
WORKED_ON: Final = frozenset({IncidentState.DETECTED, IncidentState.PLANNED, IncidentState.APPLIED})
CURED: Final = frozenset({IncidentState.VERIFIED, IncidentState.CLOSED})

_MOST: Final = 8
_RECENT: Final = 20
CHANNEL_PAGE: Final = 50
"""Notices of a channel on one page."""


class Window(msgspec.Struct, frozen=True):
    """Docker Hub's pull limit as it was seen: of a credential's account, or of the app's own address.

    Attributes:
        name: the credential's, or `anonymous`.
        readings: those of the last six hours, the oldest first.
    """

    name: str
    readings: tuple[Reading, ...]
    outlook: Outlook


class CredentialState(msgspec.Struct, frozen=True):
    """A credential, and its newest rotation."""

    name: str
    provider: Provider
    latest: Rotation | None


class ChannelState(msgspec.Struct, frozen=True):
    """A channel and how it has been.

    Attributes:
        circuit: its circuit; a fresh one when nothing is known, which is good.
        lost: its latest notices that it will never take, the latest first.
    """

    name: str
    kind: str
    circuit: Circuit
    lost: tuple[OutboxRow, ...]

    @property
    def is_well(self) -> bool:
        """Whether it takes notices, as far as is known."""
        return self.circuit.error is None and not self.lost


class ChoreState(msgspec.Struct, frozen=True):
    """A chore and its last run; `is_late` where that is longer ago than three of its turns."""

    name: str
    run: ChoreRun | None
    is_late: bool


class Overview(msgspec.Struct, frozen=True):
    """The board.

    Attributes:
        counts: how many incidents are in each state.
        waiting, stuck, worked_on, cured: the latest of them.
        letters: dead letters that nobody has replayed.
    """

    mode: str
    registries: tuple[str, ...]
    counts: dict[IncidentState, int]
    waiting: tuple[IncidentSummary, ...]
    stuck: tuple[IncidentSummary, ...]
    worked_on: tuple[IncidentSummary, ...]
    cured: tuple[IncidentSummary, ...]
    letters: tuple[LetterView, ...]
    credentials: tuple[CredentialState, ...]
    windows: tuple[Window, ...]
    channels: tuple[ChannelState, ...]
    chores: tuple[ChoreState, ...]


class Board:
    """Reads the board."""

    def __init__(  # noqa: PLR0913 - the ports that it reads, each by name
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        letters: DeadLetters,
        outbox: Outbox,
        states: ChannelStates,
        rotations: Rotations,
        headroom: Headroom,
        chores: Sequence[Chore],
        runs: ChoreRuns,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._letters = letters
        self._outbox = outbox
        self._states = states
        self._rotations = rotations
        self._headroom = headroom
        self._chores = tuple(chores)
        self._runs = runs
        self._clock = clock

    async def overview(self) -> Overview:
        """Everything, read at once; raises TemporaryError when the storage is in trouble."""
        (counts, letters, credentials, windows, channels, chores), groups = await asyncio.gather(
            asyncio.gather(
                self._incidents.counts(),
                self._letters.listed(limit=_RECENT),
                self.credentials(),
                self.windows(),
                self.channels(),
                self._chore_states(),
            ),
            asyncio.gather(*(self._latest(states) for states in (WAITING, STUCK, WORKED_ON, CURED))),
        )
        waiting, stuck, worked_on, cured = groups
        return Overview(
            mode=self._policy.mode,
            registries=tuple(registry.name for registry in self._policy.registries),
            counts=counts,
            waiting=waiting,
            stuck=stuck,
            worked_on=worked_on,
            cured=cured,
            letters=tuple(letter for letter in letters if letter.state is LetterState.DEAD),
            credentials=credentials,
            windows=windows,
            channels=channels,
            chores=chores,
        )

    async def credentials(self) -> tuple[CredentialState, ...]:
        """The policy's credentials, each with its newest rotation."""
        found = []
        for name, credential in self._policy.credentials.items():
            latest = await self._rotations.latest(name)
            found.append(CredentialState(name, credential.provider, latest.value if latest else None))
        return tuple(found)

    async def windows(self) -> tuple[Window, ...]:
        """The windows of Docker Hub's pull limit that are watched."""
        return tuple([await self.window(name) for name in self._headroom.windows()])

    async def window(self, name: str) -> Window:
        """One window; without readings where nothing is known of it."""
        readings, seen = await self._headroom.history(name)
        return Window(name, readings, seen)

    async def channels(self) -> tuple[ChannelState, ...]:
        """The policy's channels."""
        return tuple(await asyncio.gather(*(self._channel(name) for name in self._policy.notifications.channels)))

    async def channel(self, name: str, before: str | None) -> tuple[ChannelState, tuple[OutboxRow, ...]]:
        """A channel and a page of its notices, the latest first; `before` as in `paging`.

        Raises:
            NotFound: the policy has no channel of that name.
            BadQuestion: `before` has another form.
        """
        if name not in self._policy.notifications.channels:
            raise NotFound("the policy has no channel of that name", hint="The console lists the channels.")
        rows = [row async for row in self._outbox.of_channel(name, CHANNEL_PAGE, before=read_position(before))]
        return await self._channel(name), tuple(rows)

    async def _latest(self, states: frozenset[IncidentState]) -> tuple[IncidentSummary, ...]:
        return tuple([summary_of(incident) async for incident in self._incidents.newest(_MOST, states=states)])

    async def _channel(self, name: str) -> ChannelState:
        stored = await self._states.circuit(name)
        recent = [row async for row in self._outbox.of_channel(name, _RECENT)]
        return ChannelState(
            name=name,
            kind=str(self._policy.notifications.channels[name].__struct_config__.tag),
            circuit=stored.value if stored else Circuit(),
            lost=tuple(row for row in recent if row.error),
        )

    async def _chore_states(self) -> tuple[ChoreState, ...]:
        found = []
        for chore in self._chores:
            run = await self._runs.last(chore.name)
            due = timedelta(seconds=chore.every_s * 3)
            found.append(ChoreState(chore.name, run, run is not None and self._clock.now() - run.started_at > due))
        return tuple(found)
