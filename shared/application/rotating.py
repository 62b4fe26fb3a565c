"""Rotating: begins rotations, and takes them from step to step under a lease, with a record after each.

The record is the only memory: whoever takes a message reads it and does the step that it names. A credential has one
rotation at a time, and its number is the record's key, so the same request twice begins one.
"""

from datetime import timedelta
from typing import Final

import msgspec

from shared.application.leases import LeaseLost, held
from shared.application.messages import ROTATIONS, RotationMessage
from shared.application.notification import Notification
from shared.application.ports import Changed, Clock, Leases, Queue, Stored
from shared.application.remembering import watch_of
from shared.application.rotation_audit import in_the_name_of
from shared.application.rotation_endings import Check
from shared.application.rotation_forecast import Forecast, steps_of
from shared.application.rotation_ports import Rotations
from shared.application.rotation_steps import Steps
from shared.domain.credential_notices import trouble
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import Rotation, RotationState, Trigger, begin, note, step
from shared.domain.rotation_notices import rotation_notice
from shared.errors import CallerError, PermanentError, TemporaryError
from shared.telemetry import bind, get_logger
from shared.telemetry.instruments import ROTATION_STEPS
from shared.telemetry.metrics import count
from shared.telemetry.names import Work
from shared.telemetry.spans import working

_log = get_logger(__name__)

_LONGEST_DELAY: Final = timedelta(hours=6)
_LEASE_TAKEN_S: Final = 2.0
_SHORTEST_WAIT: Final = timedelta(seconds=15)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_LONG_TROUBLE: Final = timedelta(hours=1)
_MOST_STEPS: Final = 20
_CAN_WITHDRAW: Final = frozenset(
    {
        RotationState.REVOKING,
        RotationState.CREATING,
        RotationState.TESTING,
        RotationState.PUBLISHING,
        RotationState.ADOPTING,
    }
)


class UnknownCredential(CallerError):
    """The policy has no credential of that name."""

    code = "unknown_credential"
    status = 404
    hint = "The names stand under `credentials` in the policy."


class Rotating:
    """Begins and advances the rotations of the policy's credentials."""

    def __init__(  # noqa: PLR0913 - the ports and parts that it works with, each by name
        self,
        *,
        policy: Policy,
        rotations: Rotations,
        steps: Steps,
        notification: Notification,
        leases: Leases,
        queue: Queue,
        clock: Clock,
        lease_s: float,
    ) -> None:
        self._policy = policy
        self._rotations = rotations
        self._steps = steps
        self._notification = notification
        self._leases = leases
        self._queue = queue
        self._clock = clock
        self._lease_s = lease_s

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the policy's credentials."""
        return tuple(self._policy.credentials)

    def credential(self, name: str) -> Credential:
        """The credential of that name; raises `UnknownCredential`."""
        found = self._policy.credentials.get(name)
        if found is None:
            raise UnknownCredential(f"the policy has no credential {name[:80]!r}")
        return found

    async def start(self, name: str, trigger: Trigger, *, revoke_first: bool = False) -> Rotation:
        """Begin a rotation and have it worked on; the one that is under way instead, if one is."""
        credential = self.credential(name)
        found = await self._rotations.latest(name)
        if found is not None and not found.value.settled:
            rotation = await self._again(found, trigger)
        else:
            number = 1 if found is None else found.value.number + 1
            now = self._clock.now()
            begun = begin(name, number, credential.provider, trigger, now, revoke_first=revoke_first)
            try:
                rotation = (await self._rotations.insert(begun)).value
                _log.info("rotation.started", rotation=begun.id, trigger=trigger)
            except Changed:
                other = await self._rotations.latest(name)
                if other is None:
                    raise
                rotation = other.value
        await self.look_at(name)
        return rotation

    async def _again(self, found: Stored[Rotation], trigger: Trigger) -> Rotation:
        """A person who asks again while a person's token is waited for wants the mint to be tried once more."""
        rotation = found.value
        if rotation.state is RotationState.WAITING and rotation.fallback and trigger is Trigger.PERSON:
            now = self._clock.now()
            retried = step(rotation, RotationState.CREATING, now, "a person asked for another try", fallback="")
            return (await self._rotations.replace(found, retried)).value
        return rotation

    async def look_at(self, name: str, *, delay_s: float = 0) -> None:
        """Have a worker look at a credential."""
        await self._queue.send(ROTATIONS, msgspec.json.encode(RotationMessage(name)), delay_s=delay_s)

    async def suspect(self, name: str) -> None:
        """Have a worker test a credential that failed pulls blame."""
        await self._queue.send(ROTATIONS, msgspec.json.encode(RotationMessage(name, suspected=True)))

    async def latest(self, name: str) -> Rotation | None:
        """The newest rotation of a credential."""
        found = await self._rotations.latest(name)
        return None if found is None else found.value

    async def plan(self, name: str) -> Forecast:
        """What a rotation would do; nothing is asked of Docker Hub."""
        credential, running = self.credential(name), await self.latest(name)
        watch = await watch_of(self._rotations, name)
        fallback = "" if credential.provider is Provider.ASSISTED else watch.cannot or watch.why
        minted = credential.provider is not Provider.ASSISTED and not fallback
        return Forecast(
            credential=name,
            provider=credential.provider if minted else Provider.ASSISTED,
            steps=steps_of(credential, minted=minted),
            fallback=fallback,
            running=running.id if running is not None and not running.settled else None,
        )

    async def handle(self, message: RotationMessage) -> None:
        """Do every step of a credential's rotation that can be done now; what has to wait is put off.

        Raises:
            TemporaryError: the storage is in trouble, or the lease was lost; the message has to come again.
        """
        name = message.credential
        if name not in self._policy.credentials:
            _log.warning("rotation.unknown_credential")
            return
        with bind(credential=name):
            async with held(self._leases, f"credential-{name}", self._lease_s) as check:
                if check is None:
                    delay: float | None = _LEASE_TAKEN_S
                else:
                    delay = await self._advance(name, self.credential(name), check)
            if delay is not None:
                await self.look_at(name, delay_s=delay)

    async def _advance(self, name: str, credential: Credential, check: Check) -> float | None:
        """The seconds after which somebody should look again, None when that is not needed."""
        for _ in range(_MOST_STEPS):
            stored = await self._rotations.latest(name)
            if stored is None or stored.value.settled:
                return None
            before = stored.value
            wait = before.not_before - self._clock.now()
            if wait > timedelta(0):
                return min(wait, _LONGEST_DELAY).total_seconds()
            with working(Work.ROTATION_STEP, step=before.state):
                after = await self._step(credential, before, check)
            if after == before:
                return None
            check()
            if after.state is not before.state and (notice := rotation_notice(after, credential, self._clock.now())):
                await self._notification.tell(notice)
            await self._rotations.replace(stored, after)
            count(ROTATION_STEPS, credential=name, step=before.state, result=after.state)
            _log.info(f"rotation.{after.state}", rotation=after.id, error=after.error or None)
        raise TemporaryError(f"the rotation of {name} goes round in circles")

    async def _step(self, credential: Credential, rotation: Rotation, check: Check) -> Rotation:
        try:
            with in_the_name_of(rotation):
                return await self._steps.of[rotation.state](credential, rotation, check)
        except (Changed, LeaseLost):
            raise
        except TemporaryError as error:
            return await self._put_off(rotation, error)
        except PermanentError as error:
            now, detail = self._clock.now(), f"{error} {error.hint}".strip()
            if rotation.state in _CAN_WITHDRAW:
                return step(
                    rotation, RotationState.WITHDRAWING, now, f"{error.code}: {error}", error=error.code, detail=detail
                )
            if rotation.state is RotationState.WAITING:
                raise
            code, told = rotation.error or error.code, f"{rotation.detail} {detail}".strip()
            return step(rotation, RotationState.FAILED, now, f"{error.code}: {error}", error=code, detail=told)

    async def _put_off(self, rotation: Rotation, error: TemporaryError) -> Rotation:
        """The rotation with the same step to do later: waiting is no failed message, whatever asks for it.

        A lock of the name or an abuse limit says for how long; otherwise the waits grow. People hear of long trouble.
        """
        now = self._clock.now()
        lasted = now - rotation.updated_at
        grown = min(max(lasted / 4, _SHORTEST_WAIT), _LONGEST_WAIT)
        wait = timedelta(seconds=error.retry_after) if error.retry_after else grown
        if lasted > _LONG_TROUBLE:
            name, summary = rotation.credential, f"the rotation {rotation.id} makes no progress: {error.code}"
            detail = f"{error} {error.hint}".strip()
            told = (rotation.id, rotation.state, error.code)
            await self._notification.tell(
                trouble(name, now, code=error.code, told=told, summary=summary, detail=detail)
            )
        _log.warning("rotation.in_trouble", rotation=rotation.id, code=error.code, text=str(error))
        return note(rotation, now, "rotation.in_trouble", f"{error.code}: {error.hint}", not_before=now + wait)
