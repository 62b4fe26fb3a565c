"""The audit trail: every change outside has a beginning and an end, with who asked and why."""

import msgspec
import pytest

from shared.application.audit import DayInvalid
from shared.domain.audit import Result
from shared.errors import CachewardenError, PermanentError, TemporaryError
from tests.fakes.application import POLICY, REGISTRY, TestApplication

NGINX = "docker.io/library/nginx"


class TestTrail:
    """What is written."""

    async def test_every_change_of_a_cure(self) -> None:
        """Credential set, access, rule: each begun and done, by the policy, with the plan's reason."""
        world = TestApplication()
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()

        entries = await world.app.audit.entries(None, None)

        assert [(entry.kind, entry.result) for entry in entries] == [
            (kind, result)
            for kind in ("create_credential_set", "grant_vault_access", "create_cache_rule")
            for result in (Result.BEGUN, Result.DONE)
        ]
        assert {entry.by for entry in entries} == {"policy"}
        *_, last = entries
        [name] = world.registries.rules
        assert (last.resource, last.before) == (f"{REGISTRY}/cacheRules/{name}", None)
        assert last.after is not None
        assert last.after["target"] == "docker-hub/library/nginx"
        assert NGINX in last.why
        assert len({entry.change for entry in entries}) == 3

    async def test_a_person_who_agreed_is_named(self) -> None:
        """In mode approve it is their doing."""
        world = TestApplication(POLICY.replace("mode: enforce", "mode: approve"))
        world.failing("nginx:1.27")
        await world.alert()
        await world.work()
        incident = (await world.all_incidents())[NGINX]
        assert incident.proposal is not None

        answer = msgspec.json.encode({"by": "carla", "plan": incident.proposal.plan})
        await world.app.approvals.approve(incident.id, answer, signed_in=None)
        await world.work()

        assert {entry.by for entry in await world.app.audit.entries(None, None)} == {"carla"}

    @pytest.mark.parametrize(
        ("error", "result"),
        [(PermanentError("no", code="Forbidden"), Result.REFUSED), (TemporaryError("down"), Result.TROUBLE)],
    )
    async def test_what_fails_says_why(self, error: Exception, result: Result) -> None:
        """With the outside system's code."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.registries.trouble["create_cache_rule"] = [error]
        await world.alert()
        await world.work()

        entries = await world.app.audit.entries(None, None)
        assert [e.error for e in entries if e.result is result] == [f"{error.code}: {error}"]  # type: ignore[attr-defined]  # ours

    async def test_without_a_beginning_nothing_is_changed(self) -> None:
        """The storage is in trouble; the next run goes on."""
        world = TestApplication()
        world.failing("nginx:1.27")
        world.audit_rows.trouble["add"] = [TemporaryError("down")]
        await world.alert()
        await world.work()

        assert len(world.registries.puts) == 2
        assert [e.result for e in await world.app.audit.entries(None, None)] == [Result.BEGUN, Result.DONE] * 3

    @pytest.mark.parametrize("error", [TemporaryError("down"), PermanentError("too large")])
    async def test_a_change_whose_end_is_not_written_is_made_all_the_same(self, error: CachewardenError) -> None:
        """Its beginning says that it may have been."""
        world = TestApplication()
        world.audit_rows.trouble["add"] = []
        async with world.app.audit.change("x", "y", by="anna", why="z"):
            world.audit_rows.trouble["add"] = [error]

        assert [entry.result for entry in await world.app.audit.entries(None, None)] == [Result.BEGUN]


class TestExport:
    """`GET /api/audit`."""

    async def test_by_days(self) -> None:
        """Both days are included."""
        world = TestApplication()
        for kind in ("first", "second", "third"):
            async with world.app.audit.change(kind, "r", by="policy", why=""):
                pass
            world.clock.advance(24 * 3600)

        entries = await world.app.audit.entries("2026-11-24", "2026-11-25")
        assert [entry.kind for entry in entries] == ["first", "first", "second", "second"]

    @pytest.mark.parametrize(("first", "last"), [(None, "0001-01-03"), ("9999-12-31", "9999-12-31")])
    async def test_either_end_of_the_calendar(self, first: str | None, last: str) -> None:
        """Days on which nothing was changed."""
        assert await TestApplication().app.audit.entries(first, last) == []

    @pytest.mark.parametrize(
        ("first", "last"), [("x", None), ("2026-11-24", "2026-11-23"), ("2020-01-01", "2026-01-01"), (None, "")]
    )
    async def test_days_that_are_none(self, first: str | None, last: str | None) -> None:
        """400, with what was expected."""
        with pytest.raises(DayInvalid, match="expected"):
            await TestApplication().app.audit.entries(first, last)
