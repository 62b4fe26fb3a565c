"""Who visits the console, and what they may do.

Two ways in, chosen by CACHEWARDEN_CONSOLE_SIGN_IN. With `entra`, App Service authentication says who it is, and a role
of the app what they may do; its headers count only while the platform says that it is switched on, because otherwise
anybody can send them. With `key`, whoever has shown the function key gets a session and may do everything.

A form is taken only from a page of ours that this visitor was shown: the browser says where it comes from, and the
form carries a proof made from the visitor's cookie, their name and exactly what the page was about.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from shared.application.sessions import ConsoleSessions, SignIn, new_cookie
from shared.domain.json_reader import read_json
from shared.errors import CallerError, PermanentError

COOKIE: Final = "__Host-cachewarden"
READER: Final = "Cachewarden.Reader"
APPROVER: Final = "Cachewarden.Approver"

_COOKIE_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class SignInOff(PermanentError):
    """The console is to rely on App Service authentication, which is switched off."""

    code = "sign_in_off"
    hint = "Switch App Service authentication on (authClientId), or set CACHEWARDEN_CONSOLE_SIGN_IN to key."


class FormRefused(CallerError):
    """A form that does not come from a page that this visitor was shown."""

    code = "form_refused"
    hint = "Open the page again and answer there."
    status = 403


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the console.

    Attributes:
        path: below the console, without a slash at either end: `incidents/abc`.
        headers: by their names in lower case.
        is_keyed: the host has found the function key with it.
        is_signing_in: the platform says that App Service authentication is on.
    """

    method: str = "GET"
    path: str = ""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    is_keyed: bool = False
    is_signing_in: bool = False

    @property
    def is_navigation(self) -> bool:
        """Whether a browser opens the page, and so has an address bar and a history."""
        return self.headers.get("sec-fetch-mode") == "navigate"

    @property
    def cookie(self) -> str:
        """Our cookie; empty where there is none of our form."""
        pairs = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        value = next((value for name, _, value in pairs if name == COOKIE), "")
        return value if _COOKIE_FORM.fullmatch(value) else ""


class Visitor(msgspec.Struct, frozen=True):
    """Who looks.

    Attributes:
        name: who it is; empty where only the key is known.
        decides: whether they may answer and replay.
        cookie: what their forms are bound to; empty where they get no forms.
        is_new: whether the cookie has still to be set.
    """

    name: str = ""
    decides: bool = True
    cookie: str = ""
    is_new: bool = False

    def proof(self, *about: str) -> str:
        """What a form about something carries; empty where this visitor gets none."""
        if not self.cookie:
            return ""
        return hmac.digest(self.cookie.encode(), msgspec.json.encode((self.name, *about)), hashlib.sha256).hex()


class Stranger(msgspec.Struct, frozen=True):
    """Somebody who may not look; `name` is empty where they have not said who they are."""

    name: str = ""


async def visitor_of(request: Request, sign_in: SignIn, sessions: ConsoleSessions) -> Visitor | Stranger:
    """Who a request comes from.

    Raises:
        SignInOff: nobody could be known.
        TemporaryError: the storage is in trouble.
    """
    if sign_in is SignIn.ENTRA:
        return _signed_in(request)
    if await sessions.is_open(request.cookie):
        return Visitor(cookie=request.cookie)
    return Visitor() if request.is_keyed else Stranger()


def check_form(request: Request, visitor: Visitor, proof: str, *about: str) -> None:
    """Refuse a form that is not from a page of ours about exactly this; raises `FormRefused`."""
    if not _is_from_here(request.headers):
        raise FormRefused("the form comes from another site")
    expected = visitor.proof(*about)
    if not expected or not hmac.compare_digest(expected.encode(), proof.encode()):
        raise FormRefused("the form is not from a page that you were shown, or what it is about has changed")


def _is_from_here(headers: Mapping[str, str]) -> bool:
    """By what the browser says, which pages can't make it say; `Origin` for those that know no `Sec-Fetch-Site`."""
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    try:
        origin = urlsplit(headers.get("origin", "")).netloc.lower()
    except ValueError:
        return False
    return bool(origin) and origin == headers.get("host", "").lower()


def _signed_in(request: Request) -> Visitor | Stranger:
    if not request.is_signing_in:
        raise SignInOff("App Service authentication is off, so nobody can be known")
    name, roles = _principal(request.headers)
    if not {READER, APPROVER} & roles:
        return Stranger(name)
    cookie = request.cookie
    return Visitor(name, APPROVER in roles, cookie or new_cookie(), is_new=not cookie)


class _Claim(msgspec.Struct):
    typ: str
    val: str


class _Principal(msgspec.Struct):
    """What the header X-MS-CLIENT-PRINCIPAL holds (documented)."""

    auth_typ: str = ""
    claims: list[_Claim] = []
    role_typ: str = "roles"


def _principal(headers: Mapping[str, str]) -> tuple[str, frozenset[str]]:
    """The name and the roles of who is signed in with Entra; nobody's where nobody is, or with somebody else."""
    name = headers.get("x-ms-client-principal-name", "").strip()
    try:
        text = base64.b64decode(headers.get("x-ms-client-principal", ""), validate=True)
        found = read_json(text, _Principal)
    except ValueError:  # no base64, or no principal
        return "", frozenset()
    if not name or found.auth_typ != "aad":
        return "", frozenset()
    return name, frozenset(claim.val for claim in found.claims if claim.typ in {"roles", found.role_typ})
