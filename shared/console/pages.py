"""Which page stands at which address of the console."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.application.assembly import Application
from shared.application.headroom import ANONYMOUS
from shared.application.paging import read_position
from shared.application.questions import NotFound
from shared.application.reports import Question
from shared.application.sessions import SignIn
from shared.console.access import Visitor
from shared.console.channel_pages import channel_list, channel_page
from shared.console.dead_letter_pages import PAGE as LETTERS
from shared.console.dead_letter_pages import letter_list, letter_page
from shared.console.incident import incident_page
from shared.console.incident_list import PAGE as INCIDENTS
from shared.console.incident_list import incident_list
from shared.console.other_pages import health_page, key_wanted
from shared.console.overview import overview
from shared.console.page import Page
from shared.console.rotations import credential_list, credential_page, rotation_page
from shared.domain.notice_links import portal_links
from shared.domain.notices import failing_resources

type Query = Mapping[str, str]

_TOLD: Final = {
    "approve": "You approved the plan. It is planned anew and carried out; what becomes of it is shown here.",
    "reject": "You rejected the plan. The incident rests until its plan is another one.",
    "replay": "The message is on its queue again.",
}
_NO_PAGE: Final = "The console has no page there"


class Elsewhere(Exception):
    """The page stands at another address."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


async def page_of(app: Application, path: str, query: Query, visitor: Visitor) -> Page:
    """The page at a path below the console.

    Raises:
        NotFound: there is none.
        Elsewhere: it has moved.
        CachewardenError: what the use cases raise.
    """
    match path.strip("/").split("/"):
        case [""] | ["overview"]:
            return overview(await app.board.overview(), app.clock.now())
        case ["health"]:
            return health_page(await app.doctor.examine())
        case ["sign-in"] if app.sign_in is SignIn.KEY:
            return Page(title="Signed in", body=key_wanted("").body, status=HTTPStatus.OK)
        case [kind]:
            return await _list(app, kind, query)
        case [kind, key] if key:
            return await _one(app, kind, key, query, visitor)
        case _:
            raise NotFound(_NO_PAGE, hint="Go on from the overview.")


async def _list(app: Application, kind: str, query: Query) -> Page:
    now, before = app.clock.now(), query.get("before")
    match kind:
        case "incidents":
            asked = Question(str(INCIDENTS + 1), query.get("state"), query.get("source"), before)
            return incident_list(await app.reports.newest(asked), asked, now)
        case "credentials" | "rotations":
            return credential_list(await app.board.credentials(), await app.board.windows(), now)
        case "channels":
            return channel_list(await app.board.channels(), now)
        case "dead-letters":
            letters = await app.dead_letters.listed(limit=LETTERS + 1, before=read_position(before))
            return letter_list(letters, now)
        case _:
            raise NotFound(_NO_PAGE, hint="Go on from the overview.")


async def _one(app: Application, kind: str, key: str, query: Query, visitor: Visitor) -> Page:
    now, told = app.clock.now(), _TOLD.get(query.get("told", ""), "")
    match kind:
        case "incidents":
            return await _incident(app, key, visitor, told)
        case "rotations" if key.rpartition("-")[2].isdecimal():
            return rotation_page(await app.rotation_requests.rotation(key), now)
        case "rotations":
            raise Elsewhere(f"credentials/{key}")
        case "credentials" if key == ANONYMOUS:
            raise Elsewhere("credentials")
        case "credentials":
            return credential_page(await app.rotation_requests.show(key), await app.board.window(key), now)
        case "channels":
            state, notices = await app.board.channel(key, query.get("after"))
            return channel_page(state, notices, now)
        case "dead-letters":
            letter = await app.dead_letters.shown(key)
            token = visitor.proof("dead-letters", key)
            return letter_page(letter, now, token=token, decides=visitor.decides, told=told)
        case "storms":
            raise Elsewhere(f"channels/{key}")
        case "digests" | "resources":
            raise Elsewhere("overview")
        case _:
            raise NotFound(_NO_PAGE, hint="Go on from the overview.")


async def _incident(app: Application, key: str, visitor: Visitor, told: str) -> Page:
    report = await app.reports.incident(key)
    found = report.incident
    links = portal_links(app.places, found.registry_id, failing_resources(found), found.source, found.last_seen)
    plan = found.proposal.plan if found.proposal else ""
    return incident_page(
        report,
        links,
        app.clock.now(),
        token=visitor.proof("incidents", key, plan),
        decides=visitor.decides,
        named=bool(visitor.name),
        told=told,
    )
