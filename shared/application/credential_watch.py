"""The watch over credentials: what begins a rotation, and what only looks as if it should.

The traps: our own new version is announced like anybody's, and must not begin the next rotation; ACR has called good
credentials bad (observed, Azure/acr#779), so nothing is rotated on its word; and every refused test counts towards
Docker Hub's lock of the name, so one pair is not tested again and again.
"""

from datetime import datetime, timedelta
from typing import Final

from shared.application.custody import Custody, Pair, SecretMissing, age_of, is_ours
from shared.application.delivery_ports import Intends, unnoted
from shared.application.messages import ROTATIONS, RotationMessage
from shared.application.notification import Notification
from shared.application.ports import Clock
from shared.application.publication import Publication
from shared.application.remembering import remember, watch_of
from shared.application.rotating import Rotating
from shared.application.rotation_ports import CredentialRejected, Rotations, SecretDisabled
from shared.domain.credential_notices import blamed_wrongly, refused, rotation_due, secret_missing
from shared.domain.policy import Mode, Policy
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import RotationState, Trigger, due_at
from shared.domain.rotation_notices import reminder
from shared.domain.vault_events import SecretRole, VaultEvent, VaultEventKind, role_of
from shared.errors import CachewardenError
from shared.telemetry import get_logger
from shared.telemetry.names import Work
from shared.telemetry.spans import consumes, traced

_log = get_logger(__name__)

_TEST_AGAIN: Final = timedelta(minutes=15)
"""How long a verdict of Docker Hub's stands against failed pulls: each is evidence, and a storm brings thousands."""

_BLAMED_AGAIN: Final = timedelta(hours=1)
"""How long it stands against ACR, which repeats its own. Headroom looks more often, so the sweep needs no test."""

_REMIND_DAYS: Final = (14, 7, 3, 1, 0)


class CredentialWatch:
    """Looks after every credential of the policy: on events, on evidence and regularly; it is a `Chore`."""

    name = "credentials"
    every_s = 300.0

    def __init__(  # noqa: PLR0913 - the ports and parts that it works with, each by name
        self,
        *,
        policy: Policy,
        rotating: Rotating,
        rotations: Rotations,
        custody: Custody,
        publication: Publication,
        notification: Notification,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._rotating = rotating
        self._rotations = rotations
        self._custody = custody
        self._publication = publication
        self._notification = notification
        self._clock = clock

    @consumes(ROTATIONS)
    async def handle(self, message: RotationMessage) -> None:
        """Test a credential if failed pulls blame it, and do what its rotation can do now.

        Raises:
            TemporaryError: an outside system is in trouble; the message has to come again.
        """
        if message.suspected and message.credential in self._policy.credentials:
            done = await self.suspect(message.credential, Trigger.REJECTED)
            _log.info("credential.suspected", credential=message.credential, done=done)
            return
        await self._rotating.handle(message)

    @traced(Work.VAULT_EVENT)
    async def heard(self, event: VaultEvent, intends: Intends = unnoted) -> str:
        """Act on a Key Vault event; what was done, in a word, which `intends` notes before it is."""
        done = "not_ours"
        for name, credential in self._policy.credentials.items():
            if role := role_of(event, credential):
                done = await self._heard(name, credential, role, event, intends)
                _log.info("credential.event", credential=name, kind=event.kind, secret=role, done=done)
        return done

    async def _heard(
        self, name: str, credential: Credential, role: SecretRole, event: VaultEvent, intends: Intends
    ) -> str:
        if role is SecretRole.OWNER:
            await self._rotating.look_at(name)
            return "looked_at"
        if role is SecretRole.NEXT:
            is_new = event.kind is VaultEventKind.NEW_VERSION
            return await self._pasted(name, credential, intends) if is_new else "not_live"
        return await self._live_one(name, credential, role, event, intends)

    async def _live_one(
        self, name: str, credential: Credential, role: SecretRole, event: VaultEvent, intends: Intends
    ) -> str:
        """An event about the live user name or token; one about a version that is not current is old news."""
        live = await self._custody.live(credential)
        secret = live.token if role is SecretRole.TOKEN else live.username
        if event.version and event.version != secret.version:
            return "not_current"
        if event.kind is VaultEventKind.NEW_VERSION:
            if is_ours(secret):
                return "own_write"
            return await self.suspect(name, Trigger.PERSON, intends=intends)
        young = age_of(secret, self._clock.now()) < credential.rotate_every.total_seconds() / 2
        if event.kind is VaultEventKind.NEAR_EXPIRY and is_ours(secret) and young:
            return "own_write"
        near = event.kind is VaultEventKind.NEAR_EXPIRY
        return await self._begin(name, Trigger.NEAR_EXPIRY if near else Trigger.EXPIRED, intends)

    async def _pasted(self, name: str, credential: Credential, intends: Intends) -> str:
        """A new version of the `-next` secret: ours is part of a rotation, a person's begins or continues one."""
        try:
            staged = await self._custody.staged(credential)
        except SecretDisabled:
            return "disabled"
        if staged is None or is_ours(staged):
            return "own_write"
        await intends(["started"])
        await self._rotating.start(name, Trigger.PASTED)
        return "started"

    async def suspect(self, name: str, why: Trigger, *, blamed_by: str = "", intends: Intends = unnoted) -> str:
        """Test a credential ourselves, and rotate it only if Docker Hub refuses it; what came of it in a word.

        Args:
            name: the credential.
            why: `rejected` for evidence of others, `person` for a secret that somebody wrote.
            blamed_by: who calls it bad, for people: a credential set's name and code.
            intends: notes what is about to be done.
        """
        credential, now = self._rotating.credential(name), self._clock.now()
        if await self._is_running(name):
            return "rotation_running"
        live, watch = await self._custody.live(credential), await watch_of(self._rotations, name)
        since = timedelta.max if watch.tested_at is None else now - watch.tested_at
        if watch.rejected == live.version and since < _TEST_AGAIN:
            known = CredentialRejected("Docker Hub has refused this pair")
            is_done = watch.acted_on == live.version
            return "tested_before" if is_done else await self._refused(name, why, live, known, intends)
        if why is not Trigger.PERSON and watch.accepted == live.version:
            if blamed_by and since < _BLAMED_AGAIN:
                await self._notification.tell(blamed_wrongly(name, now, by=blamed_by))
                return "tested_before"
            if not blamed_by and since < _TEST_AGAIN:
                return "tested_before"
        try:
            await self._custody.test(live.login)
        except CredentialRejected as error:
            await remember(self._rotations, name, rejected=live.version, acted_on="", accepted="", tested_at=now)
            return await self._refused(name, why, live, error, intends)
        await remember(self._rotations, name, rejected="", accepted=live.version, tested_at=now)
        if blamed_by:
            await self._notification.tell(blamed_wrongly(name, now, by=blamed_by))
        return "works"

    async def _refused(self, name: str, why: Trigger, live: Pair, error: CredentialRejected, intends: Intends) -> str:
        """Act on a refusal; only then it counts as acted on. Who takes it up after a crash or trouble need not test."""
        done = await self._act_on(name, why, live, error, intends)
        await remember(self._rotations, name, acted_on=live.version)
        return done

    async def _act_on(self, name: str, why: Trigger, live: Pair, error: CredentialRejected, intends: Intends) -> str:
        if why is not Trigger.PERSON:
            return await self._begin(name, Trigger.REJECTED, intends)
        versions = (live.token.version, live.username.version)
        notice = refused(name, self._clock.now(), versions=versions, code=error.code, text=str(error))
        await intends(["refused"])
        await self._notification.tell(notice)
        return "refused"

    async def run(self) -> None:
        """Resume what waits, begin what is due, remind people, and look at the credential sets' health."""
        for name, credential in self._policy.credentials.items():
            try:
                await self._look_after(name, credential)
            except CachewardenError as error:
                _log.warning("credential.not_looked_after", credential=name, code=error.code, error=str(error))

    async def _say_missing(self, name: str, credential: Credential, error: SecretMissing) -> None:
        """Who deletes a live secret may have meant it: a person is told, and a person's request recovers it.

        As long as no registry reads the secret nothing is broken; it may not have been written yet.
        """
        if not [found async for _, _, found in self._publication.sets(credential)]:
            _log.info("credential.not_written_yet", credential=name, code=error.code)
            return
        notice = secret_missing(name, credential, self._clock.now(), code=error.code, text=str(error))
        await self._notification.tell(notice)

    async def _look_after(self, name: str, credential: Credential) -> None:
        try:
            await self._look_at(name, credential)
        except SecretMissing as error:
            await self._say_missing(name, credential, error)

    async def _look_at(self, name: str, credential: Credential) -> None:
        running, now = await self._rotating.latest(name), self._clock.now()
        if running is not None and not running.settled:
            if running.not_before <= now:
                await self._rotating.look_at(name)
            if running.state is RotationState.WAITING:
                await self._remind(name, credential, now)
            return
        live = await self._custody.live(credential)
        ends = live.token.expires_on
        if now >= due_at(credential, live.token.created_on) or (ends is not None and ends <= now):
            retried = running is not None and now - running.updated_at < timedelta(hours=6)
            if not retried:
                await self._begin(name, Trigger.SCHEDULE)
                return
        await self._remind(name, credential, now)
        await self._look_at_sets(name, credential)

    async def _look_at_sets(self, name: str, credential: Credential) -> None:
        async for _, snapshot, found in self._publication.sets(credential):
            if found.healthy is False:
                blamed_by = f"the credential set {found.name} of {snapshot.login_server}: {found.health_code}"
                await self.suspect(name, Trigger.REJECTED, blamed_by=blamed_by)
                return

    async def _begin(self, name: str, trigger: Trigger, intends: Intends = unnoted) -> str:
        """Begin a rotation where the policy lets the app act by itself; else tell people that one is due."""
        if self._policy.mode is Mode.ENFORCE:
            await intends(["started"])
            await self._rotating.start(name, trigger)
            return "started"
        await intends(["told"])
        await self._notification.tell(rotation_due(name, self._clock.now(), trigger=trigger))
        return "told"

    async def _remind(self, name: str, credential: Credential, now: datetime) -> None:
        """Remind people 14, 7, 3 and 1 days before a token ends that only they can replace, and when it has ended."""
        watch = await watch_of(self._rotations, name)
        if credential.provider is not Provider.ASSISTED and not watch.refused_owner:
            return
        ends = (await self._custody.live(credential)).token.expires_on
        if ends is None:
            return
        left = (ends - now) / timedelta(days=1)
        reached = [days for days in _REMIND_DAYS if left <= days]
        if reached:
            await self._notification.tell(reminder(name, credential, now, days=min(reached), ends=ends))

    async def _is_running(self, name: str) -> bool:
        running = await self._rotating.latest(name)
        return running is not None and not running.settled
