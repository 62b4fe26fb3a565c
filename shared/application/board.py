"""The board: what a person on call wants to see at once, from the stores alone; no outside system is asked."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from shared.application.chores import Chore
from shared.application.dead_letters import DeadLetters
from shared.application.headroom import Headroom
from shared.application.incident_ports import Incidents
from shared.application.letter_views import LetterView
from shared.application.notice_reports import ChannelCondition, ChannelReport, DeliveryStatus, NoticePage, NoticeReports
from shared.application.outbox_ports import RowState
from shared.application.ports import Clock
from shared.application.questions import NotFound
from shared.application.reports import IncidentSummary, summary_of
from shared.application.rotation_ports import Rotations
from shared.application.sweep_ports import ChoreRun, ChoreRuns
from shared.domain.dead_letters import LetterState
from shared.domain.headroom import Outlook, Reading
from shared.domain.incidents import IncidentState
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Provider
from shared.domain.rotation import Rotation

WAITING: Final = frozenset({IncidentState.AWAITING_APPROVAL})
STUCK: Final = frozenset({IncidentState.BLOCKED, IncidentState.FAILED})
WORKED_ON: Final = frozenset({IncidentState.DETECTED, IncidentState.PLANNED, IncidentState.APPLIED})
CURED: Final = frozenset({IncidentState.VERIFIED, IncidentState.CLOSED})

_MOST: Final = 8
_RECENT: Final = 20
_A_DAY: Final = timedelta(days=1)


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
    """A channel and how it is.

    Attributes:
        lost: the latest notice that it will never take, where that is less than a day old.
    """

    report: ChannelReport
    lost: DeliveryStatus | None

    @property
    def is_well(self) -> bool:
        """Whether it takes notices, as far as is known."""
        return self.report.condition is ChannelCondition.WORKING and self.lost is None


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
        notices: NoticeReports,
        rotations: Rotations,
        headroom: Headroom,
        chores: Sequence[Chore],
        runs: ChoreRuns,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._letters = letters
        self._notices = notices
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
        return tuple(await asyncio.gather(*(self._channel(report) for report in await self._notices.channels())))

    async def channel(self, name: str, after: str | None) -> tuple[ChannelState, NoticePage]:
        """A channel and a page of its notices, the latest first; `after` as in `NoticeReports`.

        Raises:
            NotFound: the policy has no channel of that name.
            BadQuestion: `after` is none.
        """
        found = [state for state in await self.channels() if state.report.name == name]
        if not found:
            raise NotFound("the policy has no channel of that name", hint="The console lists the channels.")
        return found[0], await self._notices.listed({"channel": name} | ({"after": after} if after else {}))

    async def _latest(self, states: frozenset[IncidentState]) -> tuple[IncidentSummary, ...]:
        return tuple([summary_of(incident) async for incident in self._incidents.newest(_MOST, states=states)])

    async def _channel(self, report: ChannelReport) -> ChannelState:
        lost = None
        if report.notices.get(RowState.LOST):
            page = await self._notices.listed({"channel": report.name, "state": RowState.LOST, "limit": "1"})
            lost = next((each for each in page.notices if self._is_fresh(each)), None)
        return ChannelState(report, lost)

    def _is_fresh(self, notice: DeliveryStatus) -> bool:
        return notice.queued_at is not None and self._clock.now() - notice.queued_at < _A_DAY

    async def _chore_states(self) -> tuple[ChoreState, ...]:
        found = []
        for chore in self._chores:
            run = await self._runs.last(chore.name)
            due = timedelta(seconds=chore.every_s * 3)
            found.append(ChoreState(chore.name, run, run is not None and self._clock.now() - run.started_at > due))
        return tuple(found)
