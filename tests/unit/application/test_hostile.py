"""What strangers' text, one bad incident or an unlucky order must not be able to do."""

import asyncio

import msgspec
import pytest

from shared.application.incident_book import IncidentBook
from shared.application.messages import REMEDIATIONS, read_remediation
from shared.application.outbox_ports import OutboxRow
from shared.application.ports import Stored
from shared.application.registry_ports import NotServed
from shared.application.remediation import Pace
from shared.domain.cache_rules import CacheRule
from shared.domain.dead_letters import LetterState
from shared.domain.event_readers import RESOURCE_EVENTS
from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.errors import PermanentError, TemporaryError
from tests.fakes.application import POLICY, TestApplication, log_alert
from tests.fakes.outbox import MemoryOutbox
from tests.fakes.stores import MemoryIncidents
from tests.fixtures.events import changed

NGINX = "docker.io/library/nginx"
REDIS = "docker.io/bitnami/redis"
APPROVE = POLICY.replace("mode: enforce", "mode: approve")

EVIL = (
    'Failed to pull image "evil.example/x:1": unexpected status code https://evil.example/v2/x/manifests/1: 429 Too '
    "Many Requests - Server message: toomanyrequests: too many requests to source registry for cache rule '{rule}' "
    "from source 'docker.io/library/nginx'"
)
THROUGH = (
    'Failed to pull image "contoso.azurecr.io/docker-hub/library/nginx:1.27": unexpected status from HEAD request to '
    "https://contoso.azurecr.io/v2/docker-hub/library/nginx/manifests/1.27: 429 Too Many Requests - Server message: "
    "toomanyrequests: too many requests to source registry for cache rule docker-io-nginx"
)


async def cured(world: TestApplication, alert: str = "a1") -> dict[str, Incident]:
    """Deliver one alert and work until nothing is left."""
    await world.alert(log_alert(alert=alert))
    await world.work()
    return await world.all_incidents()


def book_of(world: TestApplication) -> IncidentBook:
    """The book in which the application keeps its incidents."""
    return IncidentBook(incidents=world.incidents, notification=world.app.notification, clock=world.clock)


class TestText:
    """A stranger's registry answers with words of its own choice."""

    async def test_it_can_t_block_the_cure_of_another_image(self) -> None:
        """A claim to be about nginx lands on an incident of the stranger's own image."""
        world = TestApplication()
        world.failing_with({"evil.example/x:1": EVIL.format(rule="zzzzz")})
        await cured(world)

        world.failing("nginx:1.27")
        incidents = await cured(world, alert="a2")

        assert incidents[NGINX].state is IncidentState.VERIFIED

    async def test_it_can_t_keep_an_incident_going_round(self) -> None:
        """A rule that is there and does not serve the image that is named beside it is no cure of that image."""
        world = TestApplication()
        world.registries.rules["aaaaa"] = CacheRule("aaaaa", "mcr.microsoft.com/x", "m/x", None)
        world.failing_with({"evil.example/x:1": EVIL.format(rule="aaaaa").partition(" from source")[0]})

        incidents = await cured(world)

        assert {incident.state for incident in incidents.values()} <= {IncidentState.BLOCKED}
        assert world.queue.sent == []

    async def test_it_can_t_get_round_an_upstream_s_own_mode(self) -> None:
        """The rule is about docker.io, where a person has to agree, whatever registry the text speaks of."""
        policy = POLICY.replace("    target: docker-hub", "    mode: approve\n    target: docker-hub")
        world = TestApplication(policy)
        world.registries.rules["docker-io-nginx"] = CacheRule("docker-io-nginx", NGINX, "docker-hub/library/nginx")
        world.failing_with({"contoso.azurecr.io/docker-hub/library/nginx:1.27": THROUGH})

        [incident] = (await cured(world)).values()

        assert incident.state is IncidentState.AWAITING_APPROVAL
        assert world.registries.puts == []

    async def test_no_secret_of_an_error_reaches_the_incident_or_the_notice(self) -> None:
        """ACR hands Docker Hub's words on, with the account's name and a session id."""
        world = TestApplication(pace=Pace(give_up=60))
        world.failing("nginx:1.27")
        said = "reached your pull rate limit as 'acct-of-ours': dckr_jti_AbCdEf-12345_xyz"
        world.content.trouble["manifest"] = [NotServed(said, code="TOOMANYREQUESTS")] * 99

        incidents = await cured(world)

        written = msgspec.json.encode((incidents[NGINX], world.topic.sent)).decode()
        assert incidents[NGINX].state is IncidentState.FAILED
        assert "acct-of-ours" not in written
        assert "dckr_jti" not in written


class TestNeighbours:
    """One bad incident."""

    async def test_a_refused_grant_fails_the_incident_with_its_own_code(self) -> None:
        """Not, an hour later, with whatever the pull then says."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.vault_access.trouble["grant"] = [PermanentError("no role", code="AuthorizationFailed")]

        incidents = await cured(world)

        assert (incidents[NGINX].state, incidents[NGINX].reason) == (IncidentState.FAILED, "AuthorizationFailed")

    async def test_a_settled_incident_is_not_failed_by_a_late_worker(self) -> None:
        """Another worker's proof came first."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await cured(world)
        incident = (await world.all_incidents())[NGINX]

        await book_of(world).failed(incident.id, PermanentError("late", code="LATE"))

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED


class RefusingIncidents(MemoryIncidents):
    """A store that refuses one repository's incident for good, once it is there."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Refuse it."""
        if incident.source == self.source:
            raise PermanentError("too large", code="EntityTooLarge")
        return await super().replace(stored, incident)


class RefusingOutbox(MemoryOutbox):
    """An outbox that refuses what is said about one repository, or only notices of some kinds."""

    def __init__(self, source: str, *kinds: NoticeKind) -> None:
        super().__init__()
        self._source = source
        self._kinds = kinds or tuple(NoticeKind)

    async def add(self, row: OutboxRow) -> None:
        """Refuse it."""
        if row.notice.source == self._source and row.notice.kind in self._kinds:
            raise PermanentError("too large", code="EntityTooLarge")
        await super().add(row)


class TestStore:
    """The store refuses one incident, or what is said about it, for good."""

    @pytest.mark.parametrize("store", ["incidents", "outbox"])
    async def test_its_neighbour_is_cured_and_told(self, store: str) -> None:
        """Neither planning nor proving one of them takes the other down, and the refused one ends as a dead letter."""
        world = TestApplication()
        refused = RefusingIncidents(REDIS) if store == "incidents" else RefusingOutbox(REDIS)
        setattr(world, store, refused)
        world.app = world.another()
        world.failing("bitnami/redis:7", "nginx:1.27")

        await world.alert()
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED
        told = {(notice.kind, notice.source) for notice in world.topic.sent}
        assert {(NoticeKind.INCIDENT_VERIFIED, NGINX), (NoticeKind.DEAD_LETTER_ADDED, "")} <= told
        [letter] = await world.app.dead_letters.listed()
        assert (letter.origin, letter.failures[0].code) == (REMEDIATIONS, "EntityTooLarge")
        assert world.queue.sent == []

    async def test_it_is_not_looked_at_again(self) -> None:
        """Neither by the sweep nor for its neighbour's sake; a replay is another try, and the end the same."""
        world = TestApplication()
        world.incidents = RefusingIncidents(REDIS)
        world.app = world.another()
        world.failing("bitnami/redis:7")
        await world.alert()
        await world.work()

        for _ in range(5):
            world.clock.advance(3600)
            await world.app.sweep.run()
            assert world.queue.take(REMEDIATIONS) == []
        [letter] = await world.app.dead_letters.listed()
        await world.app.dead_letters.replay(letter.id)
        world.registries.calls.clear()
        await world.work()

        assert "read" in world.registries.calls
        [again] = await world.app.dead_letters.listed()
        assert (again.state, again.deaths) == (LetterState.DEAD, 2)
        assert world.queue.sent == []

    async def test_drift_opens_what_can_be_opened(self) -> None:
        """Two incidents rely on a set that was deleted, and one can't be written any more: the other is cured again."""
        world = TestApplication()
        world.incidents = refusing = RefusingIncidents("")
        world.app = world.another()
        world.failing("bitnami/redis:7", "nginx:1.27")
        await world.alert()
        await world.work()
        refusing.source = REDIS
        [name] = world.registries.sets
        del world.registries.sets[name]

        await world.app.events.accept(RESOURCE_EVENTS, changed(name, kind="credentialSets"))
        await world.work()

        assert list(world.registries.sets) == [name]
        assert any(entry.event == "incident.detected" for entry in (await world.all_incidents())[NGINX].timeline[3:])

    async def test_a_refused_notice_fails_the_incident(self) -> None:
        """The row itself can be written: people see it among the incidents."""
        world = TestApplication()
        world.outbox = RefusingOutbox(REDIS, NoticeKind.INCIDENT_VERIFIED)
        world.app = world.another()
        world.failing("bitnami/redis:7")

        await world.alert()
        await world.work()

        incident = (await world.all_incidents())[REDIS]
        assert (incident.state, incident.timeline[-1].text) == (IncidentState.FAILED, "too large")
        assert await world.app.dead_letters.listed() == []

    async def test_an_alert_opens_what_can_be_opened(self) -> None:
        """A failure that can't be added to its incident takes no other one of the same alert along."""
        world = TestApplication()
        world.incidents = RefusingIncidents(REDIS)
        world.app = world.another()
        world.failing("bitnami/redis:7")
        await world.alert()
        await world.work()
        world.failing("bitnami/redis:8", "nginx:1.27")

        await world.alert(log_alert(alert="a2"))
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED


class TestPatience:
    """What passes is waited for."""

    async def test_logs_in_trouble_for_long_lose_no_alert(self) -> None:
        """Many refusals in a row are fewer than an hour of them; the message never fails."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.logs.trouble["query"] = [TemporaryError("throttled", code="Throttled", retry_after=30)] * 70

        incidents = await cured(world)

        assert incidents[NGINX].state is IncidentState.VERIFIED

    async def test_an_unrelated_failure_does_not_hide_a_late_row(self) -> None:
        """One image with a typo is in the logs already; the limited one comes a minute later."""
        world = TestApplication()
        world.failing_with({"typo:1": 'Failed to pull image "typo:1": docker.io/library/typo:1: not found'})
        await world.alert()
        [body] = world.queue.take(REMEDIATIONS)
        await world.app.remediation.handle(read_remediation(body))

        world.failing("nginx:1.27")
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED

    async def test_a_yes_starts_the_time_that_a_cure_may_take(self) -> None:
        """The person took two hours; the first hiccup after that is no reason to give up."""
        world = TestApplication(APPROVE)
        world.failing("nginx:1.27")
        incident = (await cured(world))[NGINX]
        assert incident.proposal is not None
        world.clock.advance(7200)
        world.registries.trouble["create_credential_set"] = [TemporaryError("throttled", code="TooManyRequests")]

        answer = msgspec.json.encode({"by": "ada", "plan": incident.proposal.plan})
        await world.app.approvals.approve(incident.id, answer, signed_in=None)
        await world.work()

        assert (await world.all_incidents())[NGINX].state is IncidentState.VERIFIED


class TestApprove:
    """Mode `approve`."""

    async def test_the_quota_holds_for_two_yeses(self) -> None:
        """The second plan is made from what the first has left."""
        world = TestApplication(APPROVE + "limits: {rules_per_registry: 1}\n")
        world.failing("nginx:1.27", "bitnami/redis:7")
        incidents = await cured(world)

        for incident in incidents.values():
            assert incident.proposal is not None
            answer = msgspec.json.encode({"by": "ada", "plan": incident.proposal.plan})
            await world.app.approvals.approve(incident.id, answer, signed_in=None)
        await world.work()

        assert len(world.registries.rules) == 1

    async def test_of_yes_and_no_at_once_one_is_told_that_it_came_too_late(self) -> None:
        """Nobody believes that both counted."""
        world = TestApplication(APPROVE)
        world.failing("nginx:1.27")
        incident = (await cured(world))[NGINX]
        assert incident.proposal is not None
        answer = msgspec.json.encode({"by": "ada", "plan": incident.proposal.plan})

        said = await asyncio.gather(
            world.app.approvals.approve(incident.id, answer, signed_in=None),
            world.app.approvals.reject(incident.id, answer, signed_in=None),
            return_exceptions=True,
        )

        assert sorted(type(answer).__name__ for answer in said) == ["Incident", "NothingToDecide"]


class TestObserve:
    """Mode `observe` plans, and tells people."""

    async def test_people_are_told_what_would_be_done(self) -> None:
        """Once, with the plan; and a new reference is planned for as well."""
        world = TestApplication(POLICY.replace("mode: enforce", "mode: observe"))
        world.failing("nginx:1.27")
        await cured(world)
        await cured(world, alert="a2")

        assert [notice.kind for notice in world.topic.sent] == [NoticeKind.INCIDENT_PLANNED]
        world.failing("nginx:1.28")
        incidents = await cured(world, alert="a3")
        assert set(incidents[NGINX].pull_from) == {f"{NGINX}:1.27", f"{NGINX}:1.28"}
        assert world.registries.puts == []


class TestSlash:
    """A vault's address with a slash at its end."""

    async def test_is_the_same_vault(self) -> None:
        """The grant finds the credential that the plan means."""
        world = TestApplication(POLICY.replace("vault.azure.net", "vault.azure.net/"))
        world.failing("nginx:1.27")

        assert (await cured(world))[NGINX].state is IncidentState.VERIFIED
