"""Forecast: the app's answers to "what does this mean" and "what would you do"."""

import msgspec
import pytest

from shared.application.forecast import QuestionInvalid
from shared.application.questions import BadQuestion, NotFound
from shared.application.reports import Question
from shared.domain.failures import Cause
from shared.domain.plans import Status
from shared.errors import CallerError
from tests.fakes.application import TestApplication, limit_message


class TestExplain:
    """`Forecast.explain`."""

    async def test_says_what_failed_and_why(self) -> None:
        """The same as the command line."""
        world = TestApplication()

        explanation = await world.app.forecast.explain(msgspec.json.encode({"text": limit_message("nginx:1.27")}))

        assert explanation.diagnosis.cause is Cause.RATE_LIMITED
        assert str(explanation.diagnosis.image) == "docker.io/library/nginx:1.27"

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"text": 1}', b'{"text": "x", "y": 1}', b"\xff"])
    async def test_what_is_no_question_is_refused(self, body: bytes) -> None:
        """With an example of one."""
        with pytest.raises(QuestionInvalid, match="expected"):
            await TestApplication().app.forecast.explain(body)


class TestPlan:
    """`Forecast.plan`."""

    async def test_plans_against_the_registry_as_it_is_and_changes_nothing(self) -> None:
        """References and failure texts, in the order of the question."""
        world = TestApplication()
        failures = ["nginx:1.27", limit_message("evil/miner:1"), " "]

        plan = await world.app.forecast.plan(msgspec.json.encode({"registry": "contoso", "failures": failures}))

        assert [outcome.status for outcome in plan.outcomes] == [Status.PLANNED, Status.BLOCKED]
        assert len(plan.actions) == 3
        assert world.registries.puts == []

    async def test_a_registry_that_the_policy_lacks_is_named(self) -> None:
        """And so are those that it has."""
        with pytest.raises(NotFound, match="it has contoso"):
            await TestApplication().app.forecast.plan(b'{"registry": "fabrikam", "failures": []}')


class TestReports:
    """`Reports.newest`."""

    async def test_tells_times_as_everything_else_does(self) -> None:
        """In UTC with a Z, in the list as in the incident itself."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        (listed,) = msgspec.to_builtins(await world.app.reports.newest(Question()))
        told = msgspec.to_builtins(await world.app.reports.incident(listed["id"]))["incident"]

        assert listed["updated_at"] == told["updated_at"]
        assert listed["updated_at"].endswith("Z")

    async def test_what_is_refused_says_what_to_do(self) -> None:
        """The `hint` of the problem that the caller gets."""
        world = TestApplication()
        for refused in (
            world.app.reports.newest(Question("x")),
            world.app.reports.incident("x"),
            world.app.forecast.plan(b""),
        ):
            with pytest.raises(CallerError) as told:
                await refused

            assert told.value.hint.endswith(".")

    async def test_a_state_that_is_none_is_refused(self) -> None:
        """In the words that every such parameter has, naming the one of several that is wrong."""
        with pytest.raises(BadQuestion, match="state: 'gone' found, one of these expected: "):
            await TestApplication().app.reports.newest(Question(state="blocked, gone"))

    @pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "9" * 5000, ""])
    async def test_a_limit_that_is_none_is_refused(self, limit: str) -> None:
        """With what was expected."""
        with pytest.raises(BadQuestion, match="from 1 to 1000"):
            await TestApplication().app.reports.newest(Question(limit))
