"""The desk: a request to the console becomes a page, whatever happens on the way."""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from shared.application.assembly import Application
from shared.application.sessions import LIFETIME, SignIn
from shared.console.access import APPROVER, COOKIE, READER, Request, Stranger, Visitor, visitor_of
from shared.console.forms import act
from shared.console.other_pages import key_wanted, problem, role_wanted
from shared.console.page import OVERVIEW, ROOT, Frame, Page, document, headers
from shared.console.pages import Elsewhere, page_of
from shared.errors import CachewardenError, CallerError
from shared.telemetry import get_logger

_RETRY_AFTER_S: Final = 10
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~%-]+(?:/[A-Za-z0-9._~%-]+)*/?)?")
_LONGEST_PATH: Final = 1000

_log = get_logger(__name__)


class Response(msgspec.Struct, frozen=True):
    """What a browser gets."""

    status: int
    headers: dict[str, str]
    body: str = ""


async def answer(begin: Callable[[], Awaitable[Application]], request: Request) -> Response:
    """The answer to a request; `begin` gives the running app."""
    try:
        app = await begin()
    except CachewardenError as error:
        _log.error("console.no_app", code=error.code)
        text = f"The app can't work: {error.code}."
        return _alone(
            problem(HTTPStatus.SERVICE_UNAVAILABLE, "Out of order", text, "GET /api/health says what is wrong.")
        )
    except Exception:  # noqa: BLE001 - a defect is a page as well, and its text may hold anything
        return _defect()
    try:
        return await _answer(app, request)
    except CachewardenError as error:
        return _framed(app, _problem(error, request))
    except Exception:  # noqa: BLE001 - the same
        return _defect()


async def _answer(app: Application, request: Request) -> Response:
    visitor = await visitor_of(request, app.sign_in, app.sessions)
    if isinstance(visitor, Stranger):
        return _turned_away(app, visitor, request)
    if request.method == "POST":
        return _moved(await act(app, request, visitor))
    if request.is_keyed and request.is_navigation and "code" in request.query:
        begun = Visitor(cookie=await app.sessions.begin(), is_new=True)
        return _moved(_wanted(request) or "overview", begun, lasts=True)
    path = request.path or (_wanted(request) if request.is_keyed else "")
    try:
        page = await page_of(app, path, request.query, visitor)
    except Elsewhere as other:
        return _moved(_safe(other.path), visitor)
    frame = Frame(
        now=app.clock.now(),
        visitor=visitor.name,
        token=visitor.proof("sign-out"),
        leaves=app.sign_in is SignIn.KEY and bool(visitor.cookie),
    )
    return Response(page.status, headers() | _set(visitor), document(page, frame))


def _turned_away(app: Application, stranger: Stranger, request: Request) -> Response:
    """Where somebody who may not look goes on: to sign in, or to whoever assigns roles."""
    if stranger.name:
        return _framed(app, role_wanted(stranger.name, f"{READER} and {APPROVER}"))
    if app.sign_in is SignIn.ENTRA:  # also for a form, which has to be sent again from its page
        back = quote(_page_of(request), safe="")
        return Response(
            HTTPStatus.SEE_OTHER, headers() | {"Location": f"/.auth/login/aad?post_login_redirect_uri={back}"}
        )
    return _framed(app, key_wanted(_safe(request.path)))


def _problem(error: CachewardenError, request: Request) -> Page:
    if isinstance(error, CallerError):
        title = HTTPStatus(error.status).phrase
        back = _page_of(request) if request.method == "POST" else OVERVIEW
        return problem(error.status, title, f"{error}.", error.hint, back=back)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "Not now", f"{error.code}: {error}", error.hint)


def _framed(app: Application, page: Page) -> Response:
    """A page for somebody of whom nothing is known."""
    return _alone(page, Frame(now=app.clock.now(), is_inside=page.status != HTTPStatus.UNAUTHORIZED))


def _alone(page: Page, frame: Frame | None = None) -> Response:
    waits = {"Retry-After": str(_RETRY_AFTER_S)} if page.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(page.status, headers() | waits, document(page, frame or Frame()))


def _defect() -> Response:
    _log.exception("console.failed")
    text = "Something went wrong in Cachewarden itself."
    return _alone(problem(HTTPStatus.INTERNAL_SERVER_ERROR, "A defect", text, "It is in the log."))


def _moved(path: str, visitor: Visitor | None = None, *, lasts: bool = False) -> Response:
    cookie = _set(visitor, lasts=lasts) if visitor else {}
    return Response(HTTPStatus.SEE_OTHER, headers() | {"Location": f"{ROOT}/{path}"} | cookie)


def _set(visitor: Visitor, *, lasts: bool = False) -> dict[str, str]:
    """The cookie where it has still to be set; `Lax`, so that a link from a message finds its reader signed in."""
    if not visitor.is_new:
        return {}
    end = f"; Max-Age={LIFETIME.total_seconds():.0f}" if lasts else ""
    return {"Set-Cookie": f"{COOKIE}={visitor.cookie}; Path=/; Secure; HttpOnly; SameSite=Lax{end}"}


def _page_of(request: Request) -> str:
    """The address of the page that was asked for, or that a form stands on."""
    path = _safe(request.path)
    return f"{ROOT}/{'/'.join(path.split('/')[:2]) if request.method == 'POST' else path}"


def _wanted(request: Request) -> str:
    """The page that the entrance was asked for."""
    return _safe(request.query.get("to", ""))


def _safe(path: str) -> str:
    """A path of the console, or none: it ends up in addresses that a browser follows, to which `%2e%2e` is `..`."""
    quoted = quote(path[:_LONGEST_PATH], safe="/%", errors="replace")
    return quoted if _PATH.fullmatch(quoted) and ".." not in unquote(quoted) else ""
