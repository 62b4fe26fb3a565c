"""Visits to the console over fakes: requests as the host hands them over."""

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from shared.application.assembly import Application
from shared.application.sessions import SignIn
from shared.console.access import APPROVER, COOKIE, Request
from shared.console.desk import Response, answer
from shared.domain.notice_links import Places
from shared.domain.policy_file import load_policy
from tests.fakes.application import CLUSTER, POLICY, REGISTRY, TestApplication
from tests.fixtures.scene import Scene

APPROVE = POLICY.replace("mode: enforce", "mode: approve")
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
NAVIGATION = {"sec-fetch-mode": "navigate"}


class Console:
    """The console over an application on fakes, and a browser's cookie."""

    def __init__(self, sign_in: SignIn = SignIn.KEY, policy: str = APPROVE) -> None:
        places = Places(registries=load_policy(policy, path="policy.yaml").registries)
        self.world = TestApplication(policy, sign_in=sign_in, places=places)
        self.scene = Scene(REGISTRY, CLUSTER, self.world.clock.now())
        self.cookie = ""

    async def filled(self) -> "Console":
        """The console with a night's work in the stores."""
        await self.scene.fill(self.world)
        return self

    async def signed_in(self) -> "Console":
        """The same with a session, got by showing the key at the entrance."""
        entered = await self.ask(Request(query={"code": "k"}, headers=NAVIGATION, is_keyed=True))
        assert entered.status == HTTPStatus.SEE_OTHER
        return await self.filled()

    async def ask(self, request: Request) -> Response:
        """Answer a request with our cookie, and keep a cookie that is set."""
        cookie = {"cookie": f"other=1; {COOKIE}={self.cookie}"} if self.cookie else {}
        response = await answer(self._app, msgspec.structs.replace(request, headers={**cookie, **request.headers}))
        if set_cookie := response.headers.get("Set-Cookie"):
            self.cookie = set_cookie.partition("=")[2].partition(";")[0]
        return response

    async def get(self, path: str, headers: Mapping[str, str] | None = None, **query: str) -> Response:
        """Open a page."""
        return await self.ask(
            Request(path=path, query=query, headers={**NAVIGATION, **(headers or {})}, is_signing_in=True)
        )

    async def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Response:
        """Send a form."""
        body = urlencode(fields).encode()
        return await self.ask(
            Request(method="POST", path=path, headers={**FORM, **(headers or {})}, body=body, is_signing_in=True)
        )

    async def _app(self) -> Application:
        return self.world.app


def fields_of(response: Response) -> dict[str, str]:
    """The hidden fields of the page's last form."""
    form = response.body.rpartition("<form")[2]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def principal(name: str, *roles: str, kind: str = "aad") -> dict[str, str]:
    """The headers of App Service authentication for somebody with roles."""
    claims = [{"typ": "name", "val": name}, *({"typ": "roles", "val": role} for role in roles)]
    told = msgspec.json.encode({"auth_typ": kind, "name_typ": "name", "role_typ": "roles", "claims": claims})
    return {"x-ms-client-principal-name": name, "x-ms-client-principal": base64.b64encode(told).decode()}


ADA = principal("ada@contoso.com", APPROVER)
