"""The doctor: all is well in a world that is, and each thing that is broken is named with the command that mends it."""

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.application.doctor.basics import clock_judged, versions_judged
from shared.application.doctor.credentials import end_judged
from shared.application.doctor.examination import Check, Doctor
from shared.application.doctor.findings import (
    Condition,
    DoctorReport,
    Finding,
    Judgement,
    Verdict,
    merged,
    ok,
    report_of,
)
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Grant, Network
from shared.application.doctor.roles import is_granted
from shared.application.ports import Position
from shared.domain.incidents import Incident, IncidentState
from shared.errors import PermanentError, TemporaryError
from shared.version import VERSION
from tests.fakes.application import REGISTRY, WORKSPACE
from tests.fakes.rotation import SET, RotatingApplication
from tests.fakes.stores import MemoryIncidents
from tests.fakes.surroundings import APP, GROUP, PRINCIPAL, WORKSPACE_ID

VAULT_ID = REGISTRY.replace("Microsoft.ContainerRegistry/registries/contoso", "Microsoft.KeyVault/vaults/contoso-kv")
WIRE = "azd hooks run postdeploy"
CUSTOMER = shlex.quote(f"[?customerId=='{WORKSPACE}'].id")
FIND_WORKSPACE = f'"$(az monitor log-analytics workspace list --query {CUSTOMER} -o tsv)"'
CURE = f"{GROUP}/providers/Microsoft.Insights/actionGroups/cure"
PULLS = f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules/pulls"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

type Break = Callable[[RotatingApplication], object]


def grant(role: str, scope: str, principal: str = PRINCIPAL) -> str:
    """The command that gives a role."""
    return (
        f"az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal "
        f"--role {shlex.quote(role)} --scope {scope}"
    )


def secret(command: str, name: str, *more: str) -> str:
    """A command about a secret of the vault."""
    return " ".join(["az keyvault secret", command, "--vault-name contoso-kv --name", name, *more])


def forbid(port: str, call: str, code: str) -> Break:
    """The next calls of a port are refused for want of a right."""

    def broken(world: RotatingApplication) -> None:
        getattr(world, port).trouble[call] = [PermanentError("no", code=code, hint="A hint.") for _ in range(9)]

    return broken


def put(port: str, **values: object) -> Break:
    """A fake says something else."""

    def broken(world: RotatingApplication) -> None:
        for name, value in values.items():
            setattr(getattr(world, port), name, value)

    return broken


def changed(port: str, field: str, **values: object) -> Break:
    """A record of a fake, or each of several, has other values."""

    def broken(world: RotatingApplication) -> None:
        held = getattr(getattr(world, port), field)
        several = isinstance(held, Sequence)
        new = [msgspec.structs.replace(one, **values) for one in (held if several else [held])]
        setattr(getattr(world, port), field, new if several else new[0])

    return broken


def disable(world: RotatingApplication) -> None:
    """The token's current version is disabled."""
    world.vaults.secrets["dockerhub-token"][-1].enabled = False


def no_policies(world: RotatingApplication) -> None:
    """The vault has access policies, none for a credential set, and the app may write none."""
    world.vault_access.readers.clear()
    world.surroundings.vault_document = msgspec.structs.replace(world.surroundings.vault_document, uses_roles=False)
    world.surroundings.granted = (Grant(actions=("*/read",)),)


def left(remaining: int) -> Break:
    """So many pulls are left."""

    def broken(world: RotatingApplication) -> None:
        world.hub.reading = msgspec.structs.replace(world.hub.reading, remaining=remaining)

    return broken


def only_hear(*types: str) -> Break:
    """Every subscription hears these types alone."""
    return changed("surroundings", "subscriptions", event_types=types)


BROKEN: dict[str, tuple[Break, str, Verdict, str, tuple[str, ...]]] = {
    "identity": (
        forbid("surroundings", "caller", "identity_unavailable"),
        "identity",
        Verdict.FAILING,
        "identity_unavailable: no",
        ("azd provision",),
    ),
    "clock": (
        put("surroundings", ahead=timedelta(minutes=6)),
        "clock",
        Verdict.FAILING,
        "360 s behind",
        ("sudo timedatectl set-ntp true",),
    ),
    "an unregistered provider": (
        lambda world: world.surroundings.versions.update({"Microsoft.EventGrid": {}}),
        "provider Microsoft.EventGrid",
        Verdict.FAILING,
        "not registered",
        (f"az provider register --subscription {REGISTRY.split('/')[2]} --namespace Microsoft.EventGrid",),
    ),
    "a cloud that is behind": (
        lambda world: world.surroundings.versions.update(
            {"Microsoft.ContainerRegistry": {"registries": frozenset({"2023-07-01"})}}
        ),
        "provider Microsoft.ContainerRegistry",
        Verdict.FAILING,
        "up to version 2023-07-01",
        (),
    ),
    "no right on the queues": (
        forbid("queues", "waiting", "AuthorizationPermissionMismatch"),
        "queues",
        Verdict.FAILING,
        "AuthorizationPermissionMismatch",
        (
            grant(
                "Storage Queue Data Contributor",
                f"{GROUP}/providers/Microsoft.Storage/storageAccounts/STORAGE-ACCOUNT",
            ),
        ),
    ),
    "a missing queue": (
        put("queues", lengths={"rotations": None}),
        "queues",
        Verdict.WARNING,
        "no queue rotations",
        ("az storage queue create --name rotations --account-name STORAGE-ACCOUNT --auth-mode login",),
    ),
    "messages that were given up": (
        put("queues", lengths={"remediations-poison": 3}),
        "queues",
        Verdict.WARNING,
        "about 3 messages lie on remediations-poison",
        (),
    ),
    "no right on the registry": (
        forbid("registries", "read", "AuthorizationFailed"),
        "registry contoso",
        Verdict.FAILING,
        "AuthorizationFailed",
        (grant("Cachewarden Operator abc", REGISTRY),),
    ),
    "no right to pull": (
        forbid("content", "repositories", "DENIED"),
        "images of contoso",
        Verdict.FAILING,
        "DENIED",
        (grant("AcrPull", REGISTRY),),
    ),
    "a registry behind a firewall": (
        changed("surroundings", "registry_document", network=Network(is_open=False, trusts_azure=False)),
        "network of contoso",
        Verdict.WARNING,
        "without trusted services",
        ("az acr update --name contoso --allow-trusted-services true",),
    ),
    "a registry that is being deleted": (
        changed("surroundings", "registry_document", state="Deleting"),
        "network of contoso",
        Verdict.FAILING,
        "the registry is Deleting",
        (),
    ),
    "a role that lost an action": (
        put("surroundings", granted=(Grant(actions=("*",), not_actions=("*/cacheRules/write",)),)),
        "roles on contoso",
        Verdict.FAILING,
        "may not Microsoft.ContainerRegistry/registries/cacheRules/write",
        (grant("Cachewarden Operator abc", REGISTRY),),
    ),
    "no right to grant": (
        put("surroundings", granted=(Grant(actions=("*/read",)),)),
        "roles on the vault of hub",
        Verdict.FAILING,
        "may not Microsoft.Authorization/roleAssignments/write",
        ("azd provision",),
    ),
    "access policies": (
        changed("surroundings", "vault_document", uses_roles=False),
        "vault of hub",
        Verdict.WARNING,
        "access policies",
        ("az keyvault update --name contoso-kv --enable-rbac-authorization true",),
    ),
    "no right to write access policies": (
        no_policies,
        "roles on the vault of hub",
        Verdict.WARNING,
        "may not Microsoft.KeyVault/vaults/accessPolicies/write",
        ("azd provision",),
    ),
    "a set without its access policy": (
        no_policies,
        "credential sets of contoso",
        Verdict.FAILING,
        "may not read its secrets",
        ("az keyvault set-policy --name contoso-kv --object-id p --secret-permissions get",),
    ),
    "a vault that trusts nobody": (
        changed("surroundings", "vault_document", network=Network(is_open=False, trusts_azure=False)),
        "vault of hub",
        Verdict.FAILING,
        "without trusted services",
        ("az keyvault update --name contoso-kv --bypass AzureServices",),
    ),
    "a missing secret": (
        lambda world: world.vaults.secrets.pop("dockerhub-owner"),
        "secret dockerhub-owner of hub",
        Verdict.FAILING,
        "no such secret",
        (secret("set", "dockerhub-owner", "--file", "FILE"),),
    ),
    "an empty secret": (
        lambda world: world.vaults.put("dockerhub-username", " "),
        "secret dockerhub-username of hub",
        Verdict.FAILING,
        "empty",
        (secret("set", "dockerhub-username", "--file", "FILE"),),
    ),
    "a disabled secret": (
        disable,
        "secret dockerhub-token of hub",
        Verdict.FAILING,
        "disabled",
        (secret("set-attributes", "dockerhub-token", "--enabled", "true"),),
    ),
    "a secret that has ended": (
        lambda world: world.vaults.put("dockerhub-owner", "x", expires_on=world.clock.now() - timedelta(minutes=1)),
        "secret dockerhub-owner of hub",
        Verdict.FAILING,
        "it ended at",
        (secret("set", "dockerhub-owner", "--file", "FILE"),),
    ),
    "a refused token": (
        lambda world: world.vaults.put("dockerhub-token", "revoked"),
        "token of hub",
        Verdict.FAILING,
        "credential_rejected",
        ("cachewarden rotate hub --url https://APP",),
    ),
    "no pulls left": (
        left(0),
        "token of hub",
        Verdict.WARNING,
        "no pulls are left of 200",
        (),
    ),
    "a set without its roles": (
        lambda world: world.vault_access.readers.clear(),
        "credential sets of contoso",
        Verdict.FAILING,
        "may not read its secrets",
        tuple(
            grant("Key Vault Secrets User", f"{VAULT_ID}/secrets/dockerhub-{name}", "p")
            for name in ("username", "token")
        ),
    ),
    "an unhealthy set": (
        put("registries", blind=True),
        "credential sets of contoso",
        Verdict.FAILING,
        "is unhealthy",
        (f"az acr credential-set show -r contoso -n {SET}",),
    ),
    "no right on the workspace": (
        forbid("logs", "query", "InsufficientAccessError"),
        f"workspace {WORKSPACE}",
        Verdict.FAILING,
        "InsufficientAccessError",
        (grant("Log Analytics Data Reader", FIND_WORKSPACE),),
    ),
    "a workspace without a table": (
        lambda world: world.logs.rows.pop("KubeEvents"),
        f"workspace {WORKSPACE}",
        Verdict.WARNING,
        "none of the tables",
        (),
    ),
    "no subscription": (
        put("surroundings", subscriptions=[]),
        "events of contoso",
        Verdict.FAILING,
        "nothing calls registry_events",
        (WIRE,),
    ),
    "a subscription to another app": (
        changed("surroundings", "subscriptions", function_id=f"{APP}-2/functions/vault_events"),
        "events of the vault of hub",
        Verdict.FAILING,
        "nothing calls vault_events",
        (WIRE,),
    ),
    "a subscription that failed": (
        changed("surroundings", "subscriptions", state="Failed"),
        "events of resource group rg",
        Verdict.FAILING,
        "is Failed",
        (WIRE,),
    ),
    "a type that is not heard": (
        only_hear("Microsoft.KeyVault.SecretNearExpiry"),
        "events of the vault of hub",
        Verdict.FAILING,
        "does not hear Microsoft.KeyVault.SecretExpired, Microsoft.KeyVault.SecretNewVersionCreated",
        (WIRE,),
    ),
    "events that are dropped": (
        changed("surroundings", "subscriptions", keeps_failures=False),
        "events of contoso",
        Verdict.WARNING,
        "drops what it can't deliver",
        (WIRE,),
    ),
    "no action group": (
        changed("surroundings", "groups", functions=()),
        "action group",
        Verdict.FAILING,
        "no action group calls alerts",
        (WIRE,),
    ),
    "an action group that is off": (
        changed("surroundings", "groups", is_enabled=False),
        "action group",
        Verdict.FAILING,
        "cure is switched off",
        (f"az monitor action-group update --ids {CURE} --set enabled=true",),
    ),
    "no alert rule": (
        changed("surroundings", "rules", action_groups=()),
        "alert rules",
        Verdict.FAILING,
        "no alert rule calls the app",
        (WIRE,),
    ),
    "an alert rule that is off": (
        changed("surroundings", "rules", is_enabled=False),
        "alert rules",
        Verdict.FAILING,
        "pulls is switched off",
        (
            f"az monitor scheduled-query update --ids {PULLS} --disabled false",
            WIRE,
        ),
    ),
    "an alert rule of another version": (
        changed("surroundings", "rules", query="KubeEvents | where Message has '429'"),
        "alert rules",
        Verdict.WARNING,
        "asks something else",
        (WIRE,),
    ),
    "a workspace that no rule watches": (
        put("surroundings", customer_ids={WORKSPACE_ID.lower(): "22222222-2222-2222-2222-222222222222"}),
        "alert rules",
        Verdict.FAILING,
        f"no rule watches workspace {WORKSPACE}",
        (WIRE,),
    ),
}
"""What is broken → how, what the doctor calls it, how bad, what it sees, and the commands that mend it."""


@pytest.fixture
def world() -> RotatingApplication:
    """A deployment in which all is well."""
    made = RotatingApplication()
    made.logs.rows["KubeEvents"] = []
    vault_id = VAULT_ID
    made.vault_access.readers = {
        (vault_id, name, one.principal_id)
        for one in made.registries.sets.values()
        for name in ("dockerhub-username", "dockerhub-token")
    }
    return made


async def examined(world: RotatingApplication) -> DoctorReport:
    """What the app finds about itself."""
    return await world.app.doctor.examine()


class TestRounds:
    """Everything that the policy names."""

    async def test_all_is_well(self, world: RotatingApplication) -> None:
        """Everything is looked at, everything is well, and nothing was changed."""
        before = len(world.registries.puts), len(world.queue.sent), dict(world.vaults.secrets)

        report = await examined(world)

        assert [one for one in report.findings if one.verdict is not Verdict.OK] == []
        assert report.condition is Condition.HEALTHY
        assert [one.what for one in report.findings] == [
            "identity",
            "clock",
            "versions",
            "provider Microsoft.ContainerRegistry",
            "provider Microsoft.EventGrid",
            "provider Microsoft.KeyVault",
            "storage",
            "queues",
            "registry contoso",
            "images of contoso",
            "network of contoso",
            "roles on contoso",
            "vault of hub",
            "roles on the vault of hub",
            "secret dockerhub-username of hub",
            "secret dockerhub-token of hub",
            "secret dockerhub-owner of hub",
            "token of hub",
            "credential sets of contoso",
            f"workspace {WORKSPACE}",
            "events of contoso",
            "events of resource group rg",
            "events of the vault of hub",
            "action group",
            "alert rules",
        ]
        assert (len(world.registries.puts), len(world.queue.sent), dict(world.vaults.secrets)) == before

    @pytest.mark.parametrize("name", BROKEN)
    async def test_what_is_broken_is_named_with_what_mends_it(self, world: RotatingApplication, name: str) -> None:
        """And every line that mends is one command."""
        break_it, what, verdict, seen, mend = BROKEN[name]
        break_it(world)

        found = {one.what: one for one in (await examined(world)).findings}[what]

        assert (found.verdict, found.mend) == (verdict, mend)
        assert seen in found.seen
        assert found.expected
        assert all("\n" not in line and shlex.split(line) for line in found.mend)

    async def test_everything_has_a_broken_world(self, world: RotatingApplication) -> None:
        """A check that no test breaks may as well always say yes."""
        tested = {what for _, what, *_ in BROKEN.values()}
        untested = {one.what for one in (await examined(world)).findings} - tested

        assert untested == {"versions", "storage", "provider Microsoft.KeyVault"}  # below, below, as the others

    async def test_without_the_storage_nothing_works(self, world: RotatingApplication) -> None:
        """Failing, whatever else is well."""
        world.incidents = BrokenIncidents()

        report = await world.another().doctor.examine()

        assert report.condition is Condition.FAILING
        assert [one.what for one in report.findings if one.verdict is Verdict.FAILING] == ["storage"]

    async def test_no_secret_is_told(self, world: RotatingApplication) -> None:
        """Neither the values of secrets nor the account's name."""
        told = msgspec.json.encode(await examined(world)).decode()

        values = [version.value for name in world.vaults.secrets for version in [world.vaults.current(name)]]
        assert values
        assert not [value for value in values if value in told]


class TestWhoAsks:
    """A refusal means something else to the app and to a person."""

    async def test_what_no_cure_needs_is_unknown_to_the_app(self, world: RotatingApplication) -> None:
        """It has no right to look at what points at it, and is well."""
        for call in ("api_versions", "event_subscriptions", "action_groups", "alert_rules", "grants"):
            forbid("surroundings", call, "AuthorizationFailed")(world)

        report = await examined(world)

        assert report.condition is Condition.HEALTHY
        assert {one.verdict for one in report.findings if one.what.startswith(("events", "alert", "action"))} == {
            Verdict.UNKNOWN
        }

    async def test_a_refusal_is_unknown_to_a_person(self) -> None:
        """Who may not look knows nothing about the app."""
        refused = Check("it", "a role", refuse, ("az give",))

        [inside] = (await Doctor([refused], inside=True).examine()).findings
        [outside] = (await Doctor([refused], inside=False).examine()).findings

        assert (inside.verdict, inside.mend) == (Verdict.FAILING, ("az give",))
        assert (outside.verdict, outside.mend) == (Verdict.UNKNOWN, ())

    async def test_a_refusals_code_is_said_once(self) -> None:
        """Adapters mostly say it already, in Azure's own words."""

        async def in_azures_words() -> Judgement:
            raise PermanentError("reading it: AuthorizationFailed: you may not", code="AuthorizationFailed")

        checks = [Check("it", "a role", look) for look in (refuse, in_azures_words)]
        report = await Doctor(checks, inside=False).examine()

        assert [one.seen for one in report.findings] == [
            "AuthorizationFailed: no",
            "reading it: AuthorizationFailed: you may not",
        ]

    async def test_a_person_signs_in(self, world: RotatingApplication) -> None:
        """Their own way."""
        forbid("surroundings", "caller", "identity_unavailable")(world)

        report = await world.doctor_at(Place(app_id=APP)).examine()

        assert {one.what: one.mend for one in report.findings}["identity"] == ("az login",)

    async def test_a_person_asks_about_the_apps_identity(self, world: RotatingApplication) -> None:
        """Whose roles are meant has to be known."""
        [roles] = await self._roles(world, Place(app_id=APP))
        assert roles.verdict is Verdict.UNKNOWN

        [roles] = await self._roles(world, Place(app_id=APP, principal=PRINCIPAL))
        assert roles.verdict is Verdict.OK

    async def _roles(self, world: RotatingApplication, place: Place) -> list[Finding]:
        report = await world.doctor_at(place).examine()
        return [one for one in report.findings if one.what == "roles on contoso"]


class TestDoctor:
    """How checks are run."""

    async def test_one_that_hangs_and_one_that_breaks_stop_no_other(self) -> None:
        """A limit ends the wait, and a defect of ours is told by its type alone."""
        checks = [Check("slow", "an answer", hang), Check("broken", "", defect), Check("well", "", well)]

        report = await Doctor(checks, inside=True, limit_s=0.05).examine()

        assert [(one.verdict, one.seen) for one in report.findings] == [
            (Verdict.FAILING, "no answer within 0.05 s"),
            (Verdict.FAILING, "internal: ValueError"),
            (Verdict.OK, "fine"),
        ]

    def test_the_app_knows_what_a_person_may_not_see(self) -> None:
        """One answer about each thing: of who could look, and of two that could, the worse."""
        mine = report_of([finding("a", Verdict.UNKNOWN), finding("b", Verdict.OK), finding("c", Verdict.FAILING)])
        apps = report_of([finding("a", Verdict.OK), finding("b", Verdict.FAILING), finding("d", Verdict.OK)])

        together = merged(mine, apps)

        assert [(one.what, one.verdict, one.by) for one in together.findings] == [
            ("a", Verdict.OK, "app"),
            ("b", Verdict.FAILING, "app"),
            ("c", Verdict.FAILING, ""),
            ("d", Verdict.OK, "app"),
        ]

    def test_unknown_is_not_wrong(self) -> None:
        """Only what is seen to be amiss counts."""
        assert report_of([finding("a", Verdict.UNKNOWN)]).condition is Condition.HEALTHY
        assert report_of([finding("a", Verdict.WARNING)]).condition is Condition.DEGRADED


class TestJudging:
    """Judgements at their edges."""

    @pytest.mark.parametrize(
        ("seconds", "verdict"),
        [(0, Verdict.OK), (29, Verdict.OK), (30, Verdict.WARNING), (-30, Verdict.WARNING), (-300, Verdict.FAILING)],
    )
    def test_the_clock(self, seconds: int, verdict: Verdict) -> None:
        """Ahead and behind."""
        assert clock_judged(NOW, NOW + timedelta(seconds=seconds)).verdict is verdict

    def test_versions(self) -> None:
        """Templates of another version than the code's, and of none that is known."""
        assert versions_judged(VERSION).verdict is Verdict.OK
        assert versions_judged(None).verdict is Verdict.OK
        other = versions_judged("0.0.1")
        assert (other.verdict, other.mend) == (Verdict.WARNING, ("azd provision",))
        assert ".".join(map(str, sys.version_info[:2])) in other.seen

    def test_an_end(self) -> None:
        """A week before it is a warning."""
        assert end_judged(None, NOW, "").verdict is Verdict.OK
        assert end_judged(NOW + timedelta(days=8), NOW, "").verdict is Verdict.OK
        assert end_judged(NOW + timedelta(days=7), NOW, "").verdict is Verdict.WARNING
        assert end_judged(NOW, NOW, "").verdict is Verdict.FAILING

    def test_what_a_role_leaves_out_another_may_give(self) -> None:
        """`notActions` takes away from its own role alone, without regard to case."""
        narrow = Grant(actions=("A.B/*",), not_actions=("A.B/c/Write",))

        assert not is_granted([narrow], "a.b/c/write")
        assert is_granted([narrow, Grant(actions=("*/write",))], "A.B/c/write")
        assert not is_granted([Grant(actions=("A.B/read",))], "A.B/readMore")
        assert not is_granted([Grant(actions=("A.B/*",))], "A.B/read", data=True)

    async def test_names_stay_in_their_words(self, world: RotatingApplication) -> None:
        """Whatever ARM calls an action group."""
        evil = f"{GROUP}/providers/Microsoft.Insights/actionGroups/a b'; rm -rf ~ #"
        changed("surroundings", "groups", id=evil, is_enabled=False)(world)

        found = {one.what: one for one in (await examined(world)).findings}["action group"]

        [line] = found.mend
        assert evil in shlex.split(line)


class BrokenIncidents(MemoryIncidents):
    """A store that is down."""

    async def newest(
        self,
        limit: int,
        *,
        states: frozenset[IncidentState] = frozenset(),
        naming: str = "",
        before: Position | None = None,
    ) -> AsyncIterator[Incident]:
        """Trouble."""
        async for incident in super().newest(limit, states=states, naming=naming, before=before):
            yield incident
        raise TemporaryError("down", code="ServerBusy")


def finding(what: str, verdict: Verdict) -> Finding:
    """Something that was found."""
    return Finding(verdict, "", what=what)


async def hang() -> Judgement:
    """Wait for ever."""
    await asyncio.Event().wait()
    return ok("")


async def defect() -> Judgement:
    """A defect whose text holds a secret."""
    raise ValueError("a secret")


async def refuse() -> Judgement:
    """Refuse for want of a right."""
    raise PermanentError("no", code="AuthorizationFailed")


async def well() -> Judgement:
    """All is well."""
    return ok("fine")
