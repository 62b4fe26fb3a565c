"""The work that events hint at: each looks at the state again, and only what that calls for is done.

What is about to be done is noted on the delivery first. Who takes it up after a crash finds everything in order, and
could not tell that this delivery had led to it.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from shared.application.delivery_ports import IGNORED, Deliveries, Intends
from shared.application.drift import Drift
from shared.application.incident_book import IncidentBook
from shared.application.incident_ports import Incidents
from shared.application.ports import Clock
from shared.application.prevention import Prevention
from shared.application.unrecorded import Unrecorded
from shared.domain.event_readers import Hint
from shared.domain.events import ChangeHint, DeleteHint, PushHint
from shared.domain.images import parse_reference
from shared.domain.incidents import Incident, IncidentState
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.reopening import CURED
from shared.domain.vault_events import VaultEvent
from shared.telemetry.names import Work
from shared.telemetry.spans import traced

_ACTED: Final = frozenset({"started", "looked_at", "told", "refused"})
"""What the watch over credentials says when it did more than look."""


class Worked(msgspec.Struct, frozen=True):
    """What came of an event.

    Attributes:
        registry_id: the registry whose incidents want work now, None when there is nothing to do.
        incidents: the ids of the incidents concerned.
        done: what was done about a credential, in a word; empty when nothing was.
        reason: why it was left alone, empty when it was not.
    """

    registry_id: str | None = None
    incidents: tuple[str, ...] = ()
    done: str = ""
    reason: str = ""

    @property
    def outcome(self) -> str:
        """The delivery's outcome."""
        return "incident" if self.incidents else "credential" if self.done else IGNORED

    @property
    def summary(self) -> str:
        """What came of it, in a few words."""
        return ", ".join(self.incidents)[:1000] or self.done or self.reason


class EventWork:
    """Works on hints."""

    def __init__(  # noqa: PLR0913 - what it works with, each by name
        self,
        *,
        policy: Policy,
        deliveries: Deliveries,
        incidents: Incidents,
        book: IncidentBook,
        unrecorded: Unrecorded,
        drift: Drift,
        prevention: Prevention,
        heard: Callable[[VaultEvent, Intends], Awaitable[str]],
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._deliveries = deliveries
        self._incidents = incidents
        self._book = book
        self._unrecorded = unrecorded
        self._drift = drift
        self._prevention = prevention
        self._heard = heard
        self._clock = clock

    @traced(Work.EVENT_WORK)
    async def work(self, hint: Hint, delivery: str) -> Worked:
        """Do what a hint calls for, short of curing; the same one again finds it done.

        Raises:
            TemporaryError: something outside or the storage is in trouble.
            PermanentError: something outside refuses for good.
        """
        intends = partial(self._deliveries.intend, delivery)
        if isinstance(hint, VaultEvent):
            done = await self._heard(hint, intends)
            done = next(iter(await self._intended(delivery)), done)
            return Worked(done=done) if done in _ACTED else Worked(reason=done)
        registry = self._policy.registry(hint.registry_id)
        if registry is None:
            return Worked(reason="registry_not_in_policy")
        match hint:
            case PushHint():
                otherwise = await self._pushed(registry, hint, intends)
            case DeleteHint():
                otherwise = await self._deleted(registry, hint, intends)
            case ChangeHint():
                await self._drift.look(registry, hint, delivery, intends)
                otherwise = "in_order"
        concerned = await self._intended(delivery)
        return Worked(registry.id, incidents=concerned) if concerned else Worked(reason=otherwise)

    async def _intended(self, delivery: str) -> tuple[str, ...]:
        """What was set out to be done for a delivery, by now and by whoever was at work on it."""
        return (await self._deliveries.begin(delivery, self._clock.now())).intended

    async def _pushed(self, registry: RegistryPolicy, hint: PushHint, intends: Intends) -> str:
        waiting = [i for i in await self._of(registry, hint.repository) if i.state is IncidentState.APPLIED]
        if waiting:  # the cache has filled: the pull that proves it is made now and not at the next look
            await intends(_ids(waiting))
            return ""
        return (await self._prevention.look(registry, hint, intends)).reason

    async def _deleted(self, registry: RegistryPolicy, hint: DeleteHint, intends: Intends) -> str:
        cured = [
            i
            for i in await self._of(registry, hint.repository)
            if i.state in CURED and any(proof.at < hint.at for proof in i.proofs)  # not proven since: there are many
        ]
        await intends(_ids(cured))
        for incident in cured:
            async with self._unrecorded.apart(incident):
                await self._book.reopened(incident.id, f"an image of {hint.repository} was deleted from the registry")
        return "no_incident"

    async def _of(self, registry: RegistryPolicy, repository: str) -> list[Incident]:
        """The incidents whose images are served from a repository of the registry."""
        return [
            stored.value
            async for stored in self._incidents.of_registry(registry.id, active_only=False)
            if any(parse_reference(new).repository == repository for new in stored.value.pull_from.values())
        ]


def _ids(incidents: Sequence[Incident]) -> list[str]:
    return [incident.id for incident in incidents]
