"""Who gets into the console, and whose forms are taken."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from shared.application.sessions import LIFETIME, SignIn
from shared.console.access import COOKIE, READER, Request
from tests.unit.console.visiting import ADA, NAVIGATION, Console, fields_of, principal


class TestKey:
    """With the function key."""

    async def test_a_browser_gets_a_session_and_a_clean_address(self) -> None:
        """The key is not in the address that it goes on to; the store knows only a digest."""
        console = Console()
        entered = await console.ask(
            Request(query={"code": "secret", "to": "incidents/abc"}, headers=NAVIGATION, is_keyed=True)
        )

        assert entered.status == 303
        assert entered.headers["Location"] == "/api/console/incidents/abc"
        assert re.fullmatch(
            rf"{COOKIE}=[\w-]{{43}}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=28800",
            entered.headers["Set-Cookie"],
        )
        assert "secret" not in str(entered)
        assert console.cookie not in str(console.world.sessions.kept)
        assert (await console.get("overview")).status == 200

    async def test_a_script_gets_the_page_itself_and_no_form(self) -> None:
        """It has no history that the key could end in, and can't be talked into an answer."""
        console = await Console().filled()
        asking = console.scene.incidents()[0]
        page = await console.ask(Request(query={"code": "k", "to": f"incidents/{asking.id}"}, is_keyed=True))

        assert page.status == 200
        assert "Set-Cookie" not in page.headers
        assert "docker.io/bitnami/postgresql" in page.body
        assert "<form" not in page.body

    async def test_without_a_session_there_is_the_entrance_and_nothing_else(self) -> None:
        """Whatever page is asked for, and whatever the headers claim."""
        console = await Console().filled()
        for headers in ({}, ADA, {"cookie": f"{COOKIE}={'x' * 43}"}):
            page = await console.get("overview", headers)
            assert page.status == 401
            assert "postgresql" not in page.body
        assert 'name="to" value="overview"' in page.body

    async def test_a_session_ends(self) -> None:
        """After a working day, and when one signs out."""
        console = await Console().signed_in()
        page = await console.get("channels")
        console.world.clock.advance((LIFETIME - timedelta(seconds=1)).total_seconds())
        assert (await console.get("incidents")).status == 200
        await console.post("sign-out", fields_of(page))
        assert (await console.get("incidents")).status == 401

        console = await Console().signed_in()
        console.world.clock.advance(LIFETIME.total_seconds())
        assert (await console.get("incidents")).status == 401

    @pytest.mark.parametrize(
        "to",
        ["//evil.example", "https://evil.example", "..%2f..", "../..", "%2e%2E/x", ".%2e/x", "\\evil", "a//b", "a\nb"],
    )
    async def test_the_entrance_leads_nowhere_else(self, to: str) -> None:
        """Whatever it was asked for, it goes on below the console."""
        entered = await Console().ask(Request(query={"code": "k", "to": to}, headers=NAVIGATION, is_keyed=True))

        assert re.fullmatch(r"/api/console/[A-Za-z0-9._~%-]+(/[A-Za-z0-9._~%-]+)*", entered.headers["Location"])
        assert ".." not in unquote(entered.headers["Location"])

    async def test_an_address_that_is_slow_to_refuse(self) -> None:
        """A stranger's path is checked in one pass, however often it could be cut in two."""
        assert (await Console().get("a" * 500 + "//x")).status == 401

    async def test_a_page_that_moved_says_where_in_one_line(self) -> None:
        """Whatever stands in its name."""
        moved = await (await Console().signed_in()).get("storms/a\r\nSet-Cookie: x=1?é")

        assert (moved.status, moved.headers["Location"]) == (
            303,
            "/api/console/channels/a%0D%0ASet-Cookie%3A%20x%3D1%3F%C3%A9",
        )

    @pytest.mark.parametrize("origin", ["null", "https://[", "https://evil.example", "https://h@evil.example", "h"])
    async def test_an_origin_that_is_not_ours(self, origin: str) -> None:
        """From a browser that says nothing else of where a form comes from."""
        console = await Console().signed_in()
        fields = fields_of(await console.get("channels"))
        headers = {"sec-fetch-site": "", "origin": origin, "host": "h"}
        assert (await console.post("sign-out", fields, headers)).status == 403


class TestEntra:
    """Signed in by App Service authentication."""

    async def test_somebody_with_a_role_is_known_by_name(self) -> None:
        """Their name stands on the page, and no name is asked for."""
        console = await Console(SignIn.ENTRA).filled()
        page = await console.get(f"incidents/{console.scene.incidents()[0].id}", ADA)

        assert page.status == 200
        assert "ada@contoso.com" in page.body
        assert 'name="by"' not in page.body

    async def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(self) -> None:
        """To the page that was asked for."""
        page = await Console(SignIn.ENTRA).get("incidents/abc")

        assert page.status == 303
        assert page.headers["Location"] == "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fconsole%2Fincidents%2Fabc"

    async def test_headers_count_only_while_the_platform_signs_in(self) -> None:
        """Where it is off, anybody can send them: nobody gets in."""
        page = await (await Console(SignIn.ENTRA).filled()).ask(Request(path="overview", headers=ADA))

        assert page.status == 503
        assert "postgresql" not in page.body

    async def test_who_has_no_role_is_turned_away(self) -> None:
        """Being in the tenant is not enough."""
        page = await (await Console(SignIn.ENTRA).filled()).get("overview", principal("eve@contoso.com", "Other.Role"))

        assert page.status == 403
        assert "eve@contoso.com" in page.body
        assert "postgresql" not in page.body

    @pytest.mark.parametrize(
        "headers",
        [
            principal("ada", "Cachewarden.Approver", kind="github"),
            {**ADA, "x-ms-client-principal": "no base64"},
            {**ADA, "x-ms-client-principal": "bnVsbA=="},
            {"x-ms-client-principal-name": "ada"},
            {"x-ms-client-principal": ADA["x-ms-client-principal"]},
        ],
    )
    async def test_what_is_no_principal_of_entra_is_nobody(self, headers: dict[str, str]) -> None:
        """Another provider's roles are not ours."""
        assert (await Console(SignIn.ENTRA).get("overview", headers)).status == 303

    async def test_a_reader_looks_and_decides_nothing(self) -> None:
        """No form is shown; one that is sent all the same is refused."""
        console = await Console(SignIn.ENTRA).filled()
        asking, reader = console.scene.incidents()[0], principal("bob@contoso.com", READER)
        page = await console.get(f"incidents/{asking.id}", reader)
        assert page.status == 200
        assert "/approve" not in page.body

        assert asking.proposal is not None
        sent = await console.post(f"incidents/{asking.id}/approve", {"plan": asking.proposal.plan, "token": ""}, reader)
        assert sent.status == 403
        assert console.world.queue.sent == []

    async def test_nobody_is_asked_for_a_key_there(self) -> None:
        """A form that comes after a sign-in has ended leads to the sign-in and back to its page."""
        console = Console(SignIn.ENTRA)
        sent = await console.post("incidents/abc/approve", {"plan": "x"})
        back = "%2Fapi%2Fconsole%2Fincidents%2Fabc"
        assert (sent.status, sent.headers["Location"]) == (303, f"/.auth/login/aad?post_login_redirect_uri={back}")
        assert (await console.get("sign-in", ADA)).status == 404

    async def test_a_key_opens_nothing_there(self) -> None:
        """The entrance is open to all then, so being let through it says nothing."""
        page = await Console(SignIn.ENTRA).ask(Request(query={"code": "k"}, headers=NAVIGATION, is_signing_in=True))

        assert page.status == 303
        assert page.headers["Location"].startswith("/.auth/login/aad")


class TestForms:
    """Forms are taken from pages that this visitor was shown, and from nowhere else."""

    @pytest.mark.parametrize(
        ("headers", "fields"),
        [
            ({"sec-fetch-site": "cross-site"}, {}),
            ({"sec-fetch-site": "same-site"}, {}),
            ({"sec-fetch-site": "none"}, {}),
            ({"sec-fetch-site": "", "origin": "https://evil.example", "host": "app.example"}, {}),
            ({"sec-fetch-site": "", "origin": "null", "host": "app.example"}, {}),
            ({"sec-fetch-site": ""}, {}),
            ({"content-type": "text/plain"}, {}),
            ({"content-type": "application/json"}, {}),
            ({}, {"token": ""}),
            ({}, {"token": "0" * 64}),
            ({}, {"token": "\u00e9"}),
            ({}, {"plan": "another"}),
            ({}, {"why": "x" * 20_000}),
        ],
    )
    async def test_what_is_not_from_our_page_is_refused(self, headers: dict[str, str], fields: dict[str, Any]) -> None:
        """Nothing is changed, and nothing is on a queue."""
        console = await Console().signed_in()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}"))
        sent = await console.post(f"incidents/{asking.id}/approve", {**form, "by": "Ada", **fields}, headers)

        assert sent.status == 403
        stored = await console.world.incidents.get(asking.id)
        assert stored is not None
        assert stored.value == asking
        assert console.world.queue.sent == []

    async def test_a_form_is_for_one_visitor_and_one_thing(self) -> None:
        """A proof that another session got, or that was made for something else, is none."""
        console = await Console().signed_in()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}")) | {"by": "Ada"}
        signing_out = fields_of(await console.get("channels"))["token"]
        mine, console.cookie = console.cookie, ""
        await console.ask(Request(query={"code": "k"}, headers=NAVIGATION, is_keyed=True))

        assert (await console.post(f"incidents/{asking.id}/approve", form)).status == 403
        console.cookie = mine
        assert (await console.post(f"incidents/{asking.id}/approve", form | {"token": signing_out})).status == 403
        assert (await console.post(f"incidents/{asking.id}/approve", form)).status == 303

    async def test_an_old_browser_says_where_a_form_is_from_by_origin(self) -> None:
        """`Origin` counts where there is no `Sec-Fetch-Site`."""
        console = await Console().signed_in()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}")) | {"by": "Ada"}
        old = {"sec-fetch-site": "", "origin": "https://app.example", "host": "app.example"}

        assert (await console.post(f"incidents/{asking.id}/approve", form, old)).status == 303

    async def test_opening_an_address_never_answers(self) -> None:
        """Not even the one that the form is sent to, with everything in it."""
        console = await Console().signed_in()
        asking = console.scene.incidents()[0]
        form = fields_of(await console.get(f"incidents/{asking.id}")) | {"by": "Ada"}

        assert (await console.get(f"incidents/{asking.id}/approve", None, **form)).status == 404
        stored = await console.world.incidents.get(asking.id)
        assert stored is not None
        assert stored.value == asking
