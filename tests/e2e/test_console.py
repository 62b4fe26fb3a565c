"""The console's doors in the running app: what the host checks, and what the app does."""

import aiohttp

from sandbox.demo.stage import Stage
from tests.fixtures.app import OpenStage
from tests.unit.console.visiting import ADA


async def visit(
    stage: Stage, path: str, *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Status, kind and text of what a client gets that keeps no cookie."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(
            f"{stage.host.url}/api/console{path}", allow_redirects=False, headers=headers, params=params
        ) as answer,
    ):
        return answer.status, answer.content_type, await answer.text()


class TestDoors:
    """`/api/console`."""

    async def test_the_key_opens_the_entrance_and_nothing_else(self, open_stage: OpenStage) -> None:
        """By header or address for scripts, which get the page; by a session for browsers, whatever page they want."""
        async with open_stage() as stage:
            key = stage.host.keys.function
            header = {"x-functions-key": key}
            navigation = {"sec-fetch-mode": "navigate"}

            assert (await visit(stage, ""))[0] == 401
            assert (await visit(stage, "", headers={"x-functions-key": "wrong"}))[0] == 401
            for answered in (await visit(stage, "", headers=header), await visit(stage, "", params={"code": key})):
                status, kind, text = answered
                assert (status, kind) == (200, "text/html")
                assert "<h1>Overview</h1>" in text
                assert key not in text
            assert (await visit(stage, "/overview", headers=header))[0] == 401
            assert (await visit(stage, "", params={"code": key}, headers=navigation))[0] == 303
            assert key not in stage.host.log

    async def test_signed_in_people_need_no_key(self, open_stage: OpenStage) -> None:
        """Where the platform signs people in, its headers open the door; the function key does not."""
        settings = {"CACHEWARDEN_CONSOLE_SIGN_IN": "entra", "WEBSITE_AUTH_ENABLED": "True"}
        async with open_stage(settings=settings) as stage:
            assert (await visit(stage, "", headers=ADA))[0] == 200
            assert (await visit(stage, "/incidents", headers=ADA))[0] == 200
            assert (await visit(stage, "", headers={"x-functions-key": stage.host.keys.function}))[0] == 303
