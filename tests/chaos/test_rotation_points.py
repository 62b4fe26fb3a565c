"""kill -9 at every numbered point of a rotation: before and after each write outside, for each way in which one goes.

A point is a write that is held: the process is killed while it waits, before the service has done anything, or after it
has done everything and the answer is lost. Another process then takes the rotation to its end. The table of writes is
checked too: a rotation that is left alone makes exactly these, in this order.
"""

import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import pytest

from sandbox import scenario
from sandbox.frame.faults import FaultRule, Phase
from sandbox.hub.accounts import OrganizationToken, PersonalToken
from sandbox.hub.personal_tokens import NewPersonalToken
from sandbox.waiting import until
from shared.domain.rotation import Rotation, RotationState, Trigger, label_prefix, next_secret
from tests.chaos.rotation_worker import work
from tests.fixtures.rotation_stage import ORGANIZATION, RotationStage
from tests.fixtures.serving import session_certificates

_TOKENS: Final = r"/access-tokens"
_NEXT: Final = next_secret(scenario.SECRETS.token)
_LATER_S: Final = 3 * 24 * 3600
"""How far ahead the successor's clock is: beyond the dead one's lease, even when that had leapt over a grace period."""

type Write = tuple[str, str, str]
"""Service, method, and a regular expression for the path."""

MINT: Final[Write] = ("hub", "POST", f"{_TOKENS}$")
STAGE: Final[Write] = ("vault", "PUT", f"/secrets/{_NEXT}[?]")
USERNAME: Final[Write] = ("vault", "PUT", f"/secrets/{scenario.SECRETS.username}[?]")
TOKEN: Final[Write] = ("vault", "PUT", f"/secrets/{scenario.SECRETS.token}[?]")
POINT: Final[Write] = ("arm", "PATCH", "/credentialSets/")
SWITCH_OFF: Final[Write] = ("hub", "PATCH", f"{_TOKENS}/")
DELETE: Final[Write] = ("hub", "DELETE", f"{_TOKENS}/")
DISABLE_STAGED: Final[Write] = ("vault", "PATCH", f"/secrets/{_NEXT}/")
DISABLE_TOKEN: Final[Write] = ("vault", "PATCH", f"/secrets/{scenario.SECRETS.token}/")
DISABLE_USERNAME: Final[Write] = ("vault", "PATCH", f"/secrets/{scenario.SECRETS.username}/")

WRITES: Final[dict[str, tuple[Write, ...]]] = {
    "personal": (MINT, STAGE, TOKEN, POINT, SWITCH_OFF, DELETE, DISABLE_STAGED, DISABLE_TOKEN),
    "organization": (
        MINT,
        STAGE,
        POINT,
        USERNAME,
        TOKEN,
        POINT,
        DISABLE_STAGED,
        DISABLE_TOKEN,
        DISABLE_USERNAME,
    ),
    "assisted": (TOKEN, POINT, DISABLE_STAGED, DISABLE_TOKEN),
    "withdrawn": (MINT, STAGE, TOKEN, POINT, TOKEN, POINT, DELETE, DISABLE_STAGED),
    "withdrawn organization": (
        MINT,
        STAGE,
        POINT,
        USERNAME,
        TOKEN,
        POINT,
        POINT,
        USERNAME,
        TOKEN,
        POINT,
        DELETE,
        DISABLE_STAGED,
    ),
}
"""What each way writes outside, in order: the numbered points are before and after each of these.

A personal one has a token of ours to retire, an organization's changes the user name, an assisted one promotes what a
person wrote, and a withdrawn one is published and not adopted.
"""

_forks = multiprocessing.get_context("forkserver")


class Bench:
    """A stage, and processes that work on it."""

    def __init__(self, stage: RotationStage, folder: Path, *, adopts: bool) -> None:
        self.stage = stage
        self.log = folder / "worker.log"
        self.adopts = adopts
        policy = folder / "policy.yaml"
        policy.write_text(stage.text, encoding="utf-8")
        self._environment = stage.world.environment(storage=stage.storage, policy=policy)
        self._ahead_s = 0.0

    def arrange(self) -> None:
        """What the rotation needs, and what is wrong with the world besides a killed process."""
        hub, vault = self.stage.world.hub, self.stage.world.vault
        if self.stage.provider == "assisted":
            made = NewPersonalToken(token_label="pasted", scopes=["repo:public_read"])
            vault.write(_NEXT, hub.personal.create(hub.logins.accounts[scenario.ACCOUNT], made).text)
        self.disturb()

    def disturb(self) -> None:
        """No pull goes through where a rotation is to be withdrawn."""
        if not self.adopts:
            self.stage.world.faults.add(
                FaultRule(service="registry", path="/manifests/", status=403, body={"errors": [{"code": "DENIED"}]})
            )

    def start(self, *, begin: bool) -> BaseProcess:
        """A process that works; its clock is far ahead of the one before."""
        arguments = (self._environment, str(self.log), self._ahead_s)
        self._ahead_s += _LATER_S
        process = _forks.Process(target=work, args=arguments, kwargs={"begin": begin}, daemon=True)
        process.start()
        return process

    async def finish(self, process: BaseProcess) -> Rotation:
        """The rotation, once the process has come to its end."""

        async def ended() -> bool:
            return not process.is_alive()

        await until(ended, seconds=180)
        assert process.exitcode == 0, self.said()
        found = await self.stage.app.rotating.latest("hub")
        assert found is not None
        return found

    def said(self) -> str:
        """What the processes wrote."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    async def check(self, done: Rotation) -> None:
        """The rotation's laws at its end."""
        hub, vault = self.stage.world.hub, self.stage.world.vault
        assert done.state is (RotationState.SUCCEEDED if self.adopts else RotationState.FAILED), done.timeline
        assert await self.stage.works()
        organization = hub.logins.organizations.get(ORGANIZATION)
        tokens = hub.personal.of(hub.logins.accounts[scenario.ACCOUNT])
        ours: list[PersonalToken | OrganizationToken] = [*tokens]
        ours += hub.organization.of(organization) if organization else []
        prefix = label_prefix(self.stage.policy.credentials["hub"])
        live = vault.read(scenario.SECRETS.token).value
        mine = [(token.text, token.is_active) for token in ours if token.label.startswith(prefix)]
        assert mine == ([] if self.stage.provider == "assisted" or self._went_back() else [(live, True)])
        assert "made by hand" in {token.label for token in tokens}
        assert not self.adopts or "was served" in done.proofs[0]
        kept = self.said() + await self.stage.stored_text()
        assert not any(token.text in kept for token in ours)
        assert scenario.ACCOUNT_PASSWORD not in kept

    def _went_back(self) -> bool:
        """Whether what is live again is the token that was made by hand."""
        return not self.adopts and self.stage.provider == "organization"


@pytest.fixture(autouse=True)
def _forkserver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server imports the SDKs once; aiohttp reads whom to trust while it is imported."""
    monkeypatch.setenv("SSL_CERT_FILE", str(session_certificates().ca))
    _forks.set_forkserver_preload(["tests.chaos.rotation_worker"])


@asynccontextmanager
async def bench(way: str, storage: str, folder: Path) -> AsyncIterator[Bench]:
    """A bench for a way: what it retires or promotes is there."""
    provider = way.removeprefix("withdrawn").strip() or "personal"
    async with RotationStage(storage, provider) as stage:
        if provider == "personal":
            await stage.app.rotating.start("hub", Trigger.PERSON)
            assert (await stage.drain()).state is RotationState.SUCCEEDED
        yield Bench(stage, folder, adopts=not way.startswith("withdrawn"))


def batches(way: str) -> list[list[tuple[int, Phase]]]:
    """The numbered points of a way, those that one stage can have in turn together.

    The user name changes once in a stage; all else can be done again and again.
    """
    points = [(number, phase) for number in range(len(WRITES[way])) for phase in Phase]
    return [[point] for point in points] if way == "organization" else [points]


def rule(way: str, number: int, phase: Phase) -> FaultRule:
    """What holds the write of that number."""
    service, method, path = write = WRITES[way][number]
    earlier = WRITES[way][:number].count(write)
    return FaultRule(service=service, method=method, path=path, phase=phase, skip=earlier, times=1, hold=True)


class TestPoints:
    """A process that dies at a point leaves nothing that another can't take to its end."""

    @pytest.mark.parametrize("way", WRITES)
    @pytest.mark.timeout(600)
    async def test_the_end_is_the_same(self, way: str, storage_accounts: Callable[[], str], tmp_path: Path) -> None:
        """Pulls work at the moment of death; afterwards one token of ours is left, and no text outside the vault."""
        for together in batches(way):
            async with bench(way, storage_accounts(), tmp_path) as one:
                for number, phase in together:
                    one.arrange()
                    fault = one.stage.world.faults.add(rule(way, number, phase))
                    process = one.start(begin=True)
                    await fault.wait_until_held(timeout_s=120)
                    process.kill()
                    one.stage.world.faults.clear()
                    assert await one.stage.works(), (number, WRITES[way][number], phase)
                    one.disturb()
                    await one.check(await one.finish(one.start(begin=False)))

    @pytest.mark.parametrize("way", WRITES)
    async def test_these_are_all(self, way: str, storage_account: str, tmp_path: Path) -> None:
        """A rotation that nobody disturbs makes these writes, in this order, and no others."""
        async with bench(way, storage_account, tmp_path) as one:
            one.arrange()
            one.stage.world.exchanges.clear()
            await one.check(await one.finish(one.start(begin=True)))
            made = [
                (each.service, each.method)
                for each in one.stage.world.exchanges.exchanges()
                if each.service in {"hub", "vault", "arm"} and each.method != "GET" and each.status < 300
                if not each.url.endswith("/v2/auth/token")
            ]

        assert made == [(service, method) for service, method, _ in WRITES[way]]
