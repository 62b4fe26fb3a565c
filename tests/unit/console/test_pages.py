"""The pages: what stands on them, what an answer does, and what happens when something is wrong."""

import re
from datetime import timedelta

import msgspec
import pytest

from shared.application.assembly import Application
from shared.application.sessions import SignIn
from shared.console.access import Request
from shared.console.desk import answer
from shared.domain.approvals import Decision, Proposal
from shared.domain.incidents import Incident, IncidentState, incident_id
from shared.errors import TemporaryError
from shared.setting_reader import SettingsInvalid
from tests.fakes.application import REGISTRY
from tests.fakes.stores import MemoryIncidents
from tests.fixtures.scene import HOSTILE
from tests.unit.console.visiting import ADA, APPROVE, Console, fields_of

PATHS = ["", "overview", "incidents", "credentials", "credentials/hub", "rotations/hub-2", "channels", "channels/topic"]


def texts(body: str) -> str:
    """What is left of a page without its elements."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


class TestPages:
    """What people see."""

    async def test_every_page_keeps_to_itself(self) -> None:
        """Kept nowhere, framed nowhere, running nothing, and the same twice."""
        console = await Console().signed_in()
        for path in [*PATHS, "dead-letters", f"incidents/{console.scene.incidents()[1].id}"]:
            page, again = await console.get(path), await console.get(path)
            assert page.status == 200, path
            assert page == again
            assert page.headers["Cache-Control"] == "no-store"
            assert page.headers["Referrer-Policy"] == "no-referrer"
            policy = page.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert "frame-ancestors 'none'" in policy
            assert "<script" not in page.body
            assert " style=" not in page.body
            assert not re.search(r'(?:href|src|action)="(?!/|#|https://portal\.azure\.com/|data:image/svg)', page.body)

    async def test_the_overview_begins_with_what_waits_for_a_person(self) -> None:
        """The question, the broken channel and the message that was given up; then what fails."""
        console = await Console().signed_in()
        seen = texts((await console.get("overview")).body)

        waiting, failing = seen.index("Waiting for you"), seen.index("Failing now")
        for what in ("docker.io/bitnami/postgresql approve or reject", "Channel topic circuit open", "given up"):
            assert waiting < seen.index(what) < failing
        assert failing < seen.index("denied_by_policy") < seen.index("Cured lately")
        assert "At this rate none is left in" in seen
        assert "3 waiting for a person" in seen

    async def test_an_empty_overview(self) -> None:
        """Before anything has happened there is nothing to see, and no error."""
        console = Console()
        await console.ask(Request(query={"code": "k"}, headers={"sec-fetch-mode": "navigate"}, is_keyed=True))
        seen = texts((await console.get("overview")).body)

        assert "Nothing waits for a person." in seen
        assert "Nothing fails." in seen

    async def test_an_incident_tells_its_whole_story(self) -> None:
        """Cause, evidence, plan, hand-off, proof, timeline with the credential's rotations, notices, links."""
        console = await Console().signed_in()
        page = await console.get(f"incidents/{console.scene.incidents()[1].id}")
        seen = texts(page.body)

        for what in (
            "Docker Hub refused the pull because its pull limit was reached.",
            "toomanyrequests: You have reached your unauthenticated pull rate limit.",
            "kubectl set image deployment/nginx",
            "FROM contoso.azurecr.io/docker-hub/library/nginx:17",
            f"sha256:{'4fb1c2d7' * 8}",
            "Rotation hub-2 : because of schedule",
            "incident.verified sent",
            "Log lines in the portal",
        ):
            assert what in seen
        assert "hub-1" not in seen  # it ended a month before

    async def test_strangers_text_is_text(self) -> None:
        """Nothing that was written into a log becomes an element, and nothing turns the line around."""
        console = await Console().signed_in()
        page = await console.get(f"incidents/{console.scene.incidents()[-1].id}")

        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.body
        assert "<img" not in page.body
        assert not set("\u202e\x1b") & set(page.body)
        assert "\u202e" in HOSTILE

    async def test_what_is_searched_for_is_text_too(self) -> None:
        """A filter comes back in its field, as what was typed."""
        console = await Console().signed_in()
        page = await console.get("incidents", source='"><script>', state="failed")

        assert page.status == 200
        assert 'value="&#34;&gt;&lt;script&gt;"' in page.body

    async def test_ten_thousand_incidents_are_paged(self) -> None:
        """Fifty a page, none twice, none left out; and a page holds no more than a page."""
        console = await Console().signed_in()
        [_, verified, *_] = console.scene.incidents()
        for number in range(120):
            source = f"docker.io/many/r{number}"
            at = verified.updated_at - timedelta(days=1, minutes=number // 3)
            many = msgspec.structs.replace(verified, id=incident_id(REGISTRY, source), source=source, updated_at=at)
            await console.world.incidents.insert(many)

        found: list[str] = []
        query: dict[str, str] = {"source": "many/"}
        while True:
            page = await console.get("incidents", None, **query)
            found += re.findall(r'href="/api/console/incidents/([0-9a-f-]+)"', page.body)
            following = re.search(r'before=([^"]+)" rel="next"', page.body)
            if following is None:
                break
            query["before"] = following[1].replace("%3A", ":")
        assert len(found) == len(set(found)) == 120

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("incidents/nothing", 404),
            ("rotations/hub-99", 404),
            ("rotations/other-1", 404),
            ("credentials/other", 404),
            ("channels/other", 404),
            ("dead-letters/abc", 404),
            ("else", 404),
            ("incidents/a/b/c", 404),
            ("rotations/hub", 303),
            ("storms/topic", 303),
            ("digests/2026-11-24", 303),
        ],
    )
    async def test_addresses(self, path: str, status: int) -> None:
        """What is not there is 404 with a page that says so; subjects without a page of their own lead to one."""
        page = await (await Console().signed_in()).get(path)

        assert page.status == status
        assert status == 303 or "Back" in page.body

    @pytest.mark.parametrize(
        "query", [{"state": "wrong"}, {"before": "yesterday"}, {"before": "2026-11-24T09:30:00~x"}]
    )
    async def test_questions_that_make_no_sense(self, query: dict[str, str]) -> None:
        """The page says which parameter it was."""
        page = await (await Console().signed_in()).get("incidents", None, **query)

        assert page.status == 400
        assert next(iter(query)) in page.body


class SilentIncidents(MemoryIncidents):
    """A store that does not answer."""

    async def counts(self) -> dict[IncidentState, int]:
        """Trouble."""
        raise TemporaryError("the table service does not answer", code="ServerBusy")


class TestTrouble:
    """When something is wrong, there is a page as well."""

    async def test_the_store_is_down(self) -> None:
        """503, and when to come again."""
        console = await Console().signed_in()

        console.world.incidents = SilentIncidents(console.world.clock)
        console.world.app = console.world.another(APPROVE)

        page = await console.get("overview")
        assert (page.status, page.headers["Retry-After"]) == (503, "10")
        assert "ServerBusy" in page.body

    async def test_the_app_can_not_start(self) -> None:
        """The page names the error and nothing that a stranger should not read."""

        async def broken() -> Application:
            raise SettingsInvalid(("CACHEWARDEN_POLICY is 'secret'",))

        page = await answer(broken, Request())
        assert page.status == 503
        assert "settings_invalid" in page.body
        assert "secret" not in page.body

    async def test_a_defect(self) -> None:
        """500, and nothing of its text."""

        async def broken() -> Application:
            raise RuntimeError("a password")

        page = await answer(broken, Request())
        assert page.status == 500
        assert "password" not in page.body


class TestAnswers:
    """What forms do."""

    @pytest.mark.parametrize(("what", "decision"), [("approve", Decision.APPROVED), ("reject", Decision.REJECTED)])
    async def test_an_answer_stands_in_the_audit_trail_with_who_gave_it(self, what: str, decision: Decision) -> None:
        """Signed in, the name is the platform's, whatever the form says; the same form again changes nothing."""
        console = await Console(SignIn.ENTRA).filled()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}", ADA)) | {
            "by": "Somebody Else",
            "why": "we need it",
        }
        sent = [await console.post(f"incidents/{asking.id}/{what}", form, ADA) for _ in range(2)]

        assert (sent[0].status, sent[0].headers["Location"]) == (303, f"/api/console/incidents/{asking.id}?told={what}")
        assert sent[1].status == (303 if what == "approve" else 409)
        decided = await self._proposal(console, asking)
        assert (decided.decision, decided.decided_by, decided.why) == (decision, "ada@contoso.com", "we need it")
        today = console.world.clock.now().date()
        first = await anext(aiter(console.world.audit_rows.of_day(today)))
        assert (first.kind, first.by, first.resource) == (f"{what}_plan", "ada@contoso.com", f"incidents/{asking.id}")
        assert decided.plan == (first.after or {})["plan"]

    async def test_with_the_key_the_name_is_what_one_writes(self) -> None:
        """Without one there is no answer, and the page says what is missing."""
        console = await Console().signed_in()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}"))
        without = await console.post(f"incidents/{asking.id}/approve", form)
        assert without.status == 400
        assert "by: nothing found" in without.body

        await console.post(f"incidents/{asking.id}/approve", form | {"by": "Ada"})
        assert (await self._proposal(console, asking)).decided_by == "Ada"

    async def test_a_plan_that_has_changed_needs_a_new_answer(self) -> None:
        """The form that was open all night is refused, for the plan that it showed is not asked about any more."""
        console = await Console().signed_in()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}")) | {"by": "Ada"}
        stored = await console.world.incidents.get(asking.id)
        assert stored is not None
        assert asking.proposal is not None
        other = msgspec.structs.replace(asking.proposal, plan="f" * 64)
        await console.world.incidents.replace(stored, msgspec.structs.replace(asking, proposal=other))

        sent = await console.post(f"incidents/{asking.id}/approve", form)
        assert sent.status == 409
        assert (await self._proposal(console, asking)).decision is Decision.PENDING

    async def test_a_dead_letter_is_replayed(self) -> None:
        """It is on its queue again, once, and the audit trail has it."""
        console = await Console().signed_in()
        [letter] = await console.world.app.dead_letters.listed()
        page = await console.get(f"dead-letters/{letter.id}")
        assert "ServerBusy" in page.body
        form = fields_of(page)
        statuses = [(await console.post(f"dead-letters/{letter.id}/replay", form)).status for _ in range(2)]

        assert statuses == [303, 409]
        assert [message.queue for message in console.world.queue.sent] == ["remediations"]
        entries = [entry async for entry in console.world.audit_rows.of_day(console.world.clock.now().date())]
        assert {entry.kind for entry in entries} == {"replay_dead_letter"}

    async def _proposal(self, console: Console, asking: Incident) -> Proposal:
        stored = await console.world.incidents.get(asking.id)
        assert stored is not None
        assert stored.value.proposal is not None
        return stored.value.proposal
