"""A machine that does to rotations whatever can happen, over the sandbox's services with the real adapters.

The machine over fakes (tests/unit/application/test_rotation_machine.py) is quicker and dies at every call of a port;
this one meets what the real services and their SDKs do: a connection that is lost before or after a request took
effect, an SDK's own retries, versions, challenges, operations that run for a while.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Part
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sandbox import scenario
from sandbox.frame.faults import FaultRule, Phase
from sandbox.hub.accounts import OrganizationToken, PersonalToken
from sandbox.hub.organization_tokens import NewOrganizationToken, OrganizationTokenChange
from sandbox.hub.personal_tokens import NewPersonalToken, PersonalTokenChange
from shared.application.messages import ROTATIONS, RotationMessage
from shared.domain.rotation import RotationState, Trigger, label_prefix, next_secret
from shared.domain.vault_events import VaultEvent, VaultEventKind
from tests.fixtures.rotation_stage import ORGANIZATION, RotationStage
from tests.support import NIGHTLY

TOKEN, NEXT = scenario.SECRETS.token, next_secret(scenario.SECRETS.token)
ANOTHER = "cachewarden-0123456789ab-1"
"""A label of another installation that shares the account."""
_WITHOUT_SHRINKING = (Part.explicit, Part.reuse, Part.generate)
"""A dozen steps are read faster than they are shrunk."""
LOCK_WINDOW_S = 660
"""A mistake of a person comes with so much time that ten of them don't lock the name by themselves."""


class SandboxMachine(RuleBasedStateMachine):
    """Requests, lost connections, two workers, replays, people who revoke and write, time.

    Attributes:
        accounts: makes the connection string of an empty storage account.
        broken: a person made the live pair one that Docker Hub refuses; until a rotation mends it, nobody is to blame.
    """

    accounts: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stage: RotationStage | None = None
        self.broken = False
        self.made = 0
        self.foreign: set[str] = set()

    @property
    def stage(self) -> RotationStage:
        """The stage; it is there from the first rule on."""
        assert self._stage is not None
        return self._stage

    @initialize(provider=st.sampled_from(["personal", "organization", "assisted"]))
    def begin(self, provider: str) -> None:
        """A credential that works, and other people's tokens beside it."""
        stage = RotationStage(self.accounts(), provider)
        self._run(stage.__aenter__())
        self._stage = stage
        hub = stage.world.hub
        account = hub.logins.accounts[scenario.ACCOUNT]
        hub.personal.create(account, NewPersonalToken(token_label=ANOTHER, scopes=["repo:public_read"]))
        if organization := hub.logins.organizations.get(ORGANIZATION):
            hub.organization.create(organization, NewOrganizationToken(label=ANOTHER), by=scenario.ACCOUNT)
        self.foreign = {token.text for token in self._tokens()}

    @rule(what=st.sampled_from(["person", "schedule", "near_expiry", "expired", "rejected", "dry_run", "leak"]))
    def want(self, what: str) -> None:
        """Somebody or something wants a rotation, perhaps while one is under way."""
        self._run(self._want(what))

    @rule(workers=st.sampled_from([1, 1, 2]))
    def work(self, workers: int) -> None:
        """One worker takes the messages that wait, or two take the same ones at once."""
        self._run(self.stage.deliver(workers=workers))

    @rule(at=st.integers(0, 40), after=st.booleans())
    def work_and_crash(self, at: int, *, after: bool) -> None:
        """From one request on nothing goes through: it was lost, or it took effect and its answer was lost."""
        faults = self.stage.world.faults
        if after:
            faults.add(FaultRule(phase=Phase.AFTER, skip=at, times=1, drop=True))
        faults.add(FaultRule(skip=at + after, drop=True))
        self._run(self._work_and_die())

    @rule(at=st.integers(0, 40), after=st.booleans())
    def work_on_a_bad_line(self, at: int, *, after: bool) -> None:
        """One connection is lost, and the SDK or the next delivery tries again."""
        phase = Phase.AFTER if after else Phase.BEFORE
        self.stage.world.faults.add(FaultRule(phase=phase, skip=at, times=1, drop=True))
        self._run(self.stage.deliver())
        self.stage.world.faults.clear()

    @rule()
    def replay(self) -> None:
        """A message comes once more."""
        self._run(self.stage.app.rotating.look_at("hub"))

    @rule()
    def sweep(self) -> None:
        """The sweep looks after the credentials, their headroom and what they can do."""
        for chore in (one for one in self.stage.app.chores if one.name in {"credentials", "headroom", "capabilities"}):
            self._run(chore.run())

    @rule(hours=st.sampled_from([1, 30, 700]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self._run(self.stage.advance(hours * 3600))
        self.stage.world.vault.announce_expiry()
        self.broken = self.broken or not self._run(self.stage.works())  # a token may have come to its end

    @rule()
    def revoke(self) -> None:
        """A person switches the live token off on Docker Hub's web site."""
        live = self.stage.world.vault.read(TOKEN).value
        for token in self._tokens():
            if token.text == live:
                self._switch_off(token)
        self.broken = True

    @rule(good=st.booleans())
    def write_live(self, *, good: bool) -> None:
        """A person writes a version of the live secret, a token that works or one that does not."""
        self.stage.world.vault.write(TOKEN, self._made_by_hand() if good else "dckr_pat_a-slip")
        self.broken = True
        self._run(self.stage.advance(LOCK_WINDOW_S))

    @rule(good=st.booleans())
    def paste(self, *, good: bool) -> None:
        """A person writes a token into the `-next` secret, and Key Vault tells of it."""
        self.stage.world.vault.write(NEXT, self._made_by_hand() if good else f"dckr_pat_another-slip-{self.made}")
        self.made += 1
        self._run(self._hear(VaultEventKind.NEW_VERSION, NEXT))
        self._run(self.stage.advance(LOCK_WINDOW_S))

    @precondition(lambda self: self.stage.provider != "assisted")
    @rule()
    def change_password(self) -> None:
        """The owner's password changes, and the vault learns of it later."""
        accounts = self.stage.world.hub.logins.accounts
        self.made += 1
        password = f"{scenario.ACCOUNT_PASSWORD}-{self.made}"
        accounts[scenario.ACCOUNT] = msgspec.structs.replace(accounts[scenario.ACCOUNT], password=password)
        self._run(self.stage.advance(LOCK_WINDOW_S))

    @rule()
    def write_password(self) -> None:
        """The vault learns the owner's password."""
        password = self.stage.world.hub.logins.accounts[scenario.ACCOUNT].password
        self.stage.world.vault.write(scenario.SECRETS.owner, password)

    @invariant()
    def the_live_pair_works(self) -> None:
        """What the registry reads is a pair that Docker Hub accepts, unless a person broke it; then not for long."""
        if self._stage is not None:
            works: bool = self._run(self.stage.works())
            self.broken = self.broken and not works
            assert works or self.broken

    @invariant()
    def nothing_leaks(self) -> None:
        """No token's text and no password is in a table."""
        if self._stage is not None:
            stored: str = self._run(self.stage.stored_text())
            for secret in self.stage.world.vault.secrets():
                for version in secret.versions.values():
                    assert version.value not in stored or secret.name in {
                        scenario.SECRETS.username,
                        "dockerhub-owner-name",
                    }

    @invariant()
    def others_are_left_alone(self) -> None:
        """Tokens that are not ours are as they were, and the name is never locked."""
        if self._stage is not None:
            assert self.foreign <= {token.text for token in self._tokens()}
            assert not self.stage.world.hub.logins.locked(scenario.ACCOUNT)

    def teardown(self) -> None:
        """Left alone, with everything in order, a rotation comes to its end."""
        try:
            if self._stage is not None:
                self._run(self._end())
                self.others_are_left_alone()
                self.nothing_leaks()
        finally:
            if self._stage is not None:
                self._run(self._stage.__aexit__(None, None, None))
            self._runner.close()

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _want(self, what: str) -> None:
        app = self.stage.app
        match what:
            case "near_expiry":
                await self._hear(VaultEventKind.NEAR_EXPIRY, TOKEN)
            case "expired":
                await self._hear(VaultEventKind.EXPIRED, TOKEN)
            case "rejected":
                body = msgspec.json.encode(RotationMessage("hub", suspected=True))
                await self.stage.stores.queue.send(ROTATIONS, body)
            case "schedule":
                await app.rotating.start("hub", Trigger.SCHEDULE)
            case "leak" if self.stage.provider != "assisted":
                await app.rotation_requests.ask("hub", b'{"revoke_first": true}')
                self.broken = True
            case "dry_run":
                await app.rotation_requests.ask("hub", b'{"dry_run": true}')
            case _:
                await app.rotation_requests.ask("hub", b"")

    async def _hear(self, kind: VaultEventKind, name: str) -> None:
        host = self.stage.world.urls.vault.removeprefix("https://")
        version = self.stage.world.vault.secret(name).current.id
        await self.stage.app.credential_watch.heard(VaultEvent(kind, host, name, version))

    async def _work_and_die(self) -> None:
        await self.stage.deliver()
        self.stage.world.faults.clear()
        await self.stage.restart()

    async def _end(self) -> None:
        stage = self.stage
        stage.world.faults.clear()
        stage.world.vault.write(scenario.SECRETS.owner, stage.world.hub.logins.accounts[scenario.ACCOUNT].password)
        await stage.advance(LOCK_WINDOW_S)
        for _ in range(
            3
        ):  # one that was under way may fail for what people did before; one may still wait for its turn
            if stage.provider == "assisted":
                stage.world.vault.write(NEXT, self._made_by_hand())
            await stage.app.rotating.start("hub", Trigger.PERSON)
            done = await stage.drain()
        assert done.state is RotationState.SUCCEEDED, done.timeline
        assert await stage.works()
        assert "nginx:1.27 was served" in done.proofs[0]
        live = stage.world.vault.read(TOKEN).value
        prefix = label_prefix(stage.policy.credentials["hub"])
        ours = [token for token in self._tokens() if token.label.startswith(prefix)]
        if stage.provider != "assisted":
            assert [(token.text, token.is_active) for token in ours] == [(live, True)]
        assert not stage.world.vault.secret(NEXT).current.enabled

    def _tokens(self) -> list[PersonalToken | OrganizationToken]:
        hub = self.stage.world.hub
        organization = hub.logins.organizations.get(ORGANIZATION)
        personal: list[PersonalToken | OrganizationToken] = list(hub.personal.of(hub.logins.accounts[scenario.ACCOUNT]))
        return personal + (list(hub.organization.of(organization)) if organization else [])

    def _switch_off(self, token: PersonalToken | OrganizationToken) -> None:
        hub = self.stage.world.hub
        if isinstance(token, OrganizationToken):
            organization = hub.logins.organizations[ORGANIZATION]
            hub.organization.change(organization, token.id, OrganizationTokenChange(is_active=False))
        elif not token.expired(self.stage.clock.now()):
            account = hub.logins.accounts[scenario.ACCOUNT]
            hub.personal.change(account, token.uuid, PersonalTokenChange(is_active=False))

    def _made_by_hand(self) -> str:
        """The text of a new token that a person made for the user name that is live."""
        hub, name = self.stage.world.hub, self.stage.world.vault.read(scenario.SECRETS.username).value
        self.made += 1
        label = f"by hand {self.made}"
        token: PersonalToken | OrganizationToken
        if name == ORGANIZATION:
            pull = {"type": "TYPE_REPO", "path": "*/*/public", "scopes": ["scope-image-pull"]}
            new = msgspec.convert({"label": label, "resources": [pull]}, NewOrganizationToken)
            token = hub.organization.create(hub.logins.organizations[ORGANIZATION], new, by=scenario.ACCOUNT)
        else:
            new_token = NewPersonalToken(token_label=label, scopes=["repo:public_read"])
            token = hub.personal.create(hub.logins.accounts[scenario.ACCOUNT], new_token)
        self.foreign.add(token.text)
        return token.text


class TestMachine:
    """The laws of the rotation, whatever happens."""

    @pytest.mark.timeout(3600 if NIGHTLY else 240)
    def test_the_laws_hold(self, storage_accounts: Callable[[], str]) -> None:
        """In any order of what can happen; `make nightly` tries more orders, and longer ones."""

        class Machine(SandboxMachine):
            accounts = staticmethod(storage_accounts)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=150 if NIGHTLY else 8,
                stateful_step_count=30 if NIGHTLY else 12,
                deadline=None,
                phases=tuple(Part) if NIGHTLY else _WITHOUT_SHRINKING,
                suppress_health_check=list(HealthCheck),
            ),
        )
