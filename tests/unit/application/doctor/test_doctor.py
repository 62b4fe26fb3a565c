"""The doctor: who asks, how checks are run, and judgements at their edges."""

import asyncio
import shlex
import sys
from datetime import UTC, datetime, timedelta

import pytest

from shared.application.doctor.basics import clock_judged, versions_judged
from shared.application.doctor.credentials import end_judged
from shared.application.doctor.examination import Check, Doctor
from shared.application.doctor.findings import (
    Condition,
    Finding,
    Judgement,
    Verdict,
    merged,
    ok,
    report_of,
)
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Grant
from shared.application.doctor.roles import is_granted
from shared.errors import PermanentError
from shared.version import VERSION
from tests.fakes.rotation import RotatingApplication
from tests.fakes.surroundings import APP, GROUP, PRINCIPAL
from tests.unit.application.doctor.breaking import changed, examined, forbid

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


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
