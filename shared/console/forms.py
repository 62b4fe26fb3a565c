"""What people can do on the console: answer a question, replay a message, sign out. Only by a form, never by a link."""

from typing import Final
from urllib.parse import parse_qsl

import msgspec

from shared.application.approvals import Answer
from shared.application.assembly import Application
from shared.application.questions import NotFound
from shared.console.access import APPROVER, FormRefused, Request, Visitor, check_form

_FORM: Final = "application/x-www-form-urlencoded"
_LARGEST: Final = 16_384
_MOST_FIELDS: Final = 20


class NotAllowed(FormRefused):
    """The visitor may look and not decide."""

    code = "not_allowed"
    hint = f"Ask for the role {APPROVER}."


async def act(app: Application, request: Request, visitor: Visitor) -> str:
    """Do what a form asks for, and say to which page it leads; raises `FormRefused` and the use cases' errors."""
    fields = _fields(request)
    proof = fields.get("token", "")
    match request.path.split("/"):
        case ["sign-out"]:
            check_form(request, visitor, proof, "sign-out")
            await app.sessions.end(visitor.cookie)
            return "sign-in"
        case ["incidents", key, "approve" | "reject" as what]:
            plan = fields.get("plan", "")
            check_form(request, visitor, proof, "incidents", key, plan)
            _may_decide(visitor)
            answer = Answer(by=fields.get("by", ""), plan=plan, why=fields.get("why", ""))
            say = app.approvals.approve if what == "approve" else app.approvals.reject
            await say(key, msgspec.json.encode(answer), signed_in=visitor.name or None)
            return f"incidents/{key}?told={what}"
        case ["dead-letters", key, "replay"]:
            check_form(request, visitor, proof, "dead-letters", key)
            _may_decide(visitor)
            await app.dead_letters.replay(key, by=visitor.name or None)
            return f"dead-letters/{key}?told=replay"
        case _:
            raise NotFound("the console takes no form there")


def _may_decide(visitor: Visitor) -> None:
    if not visitor.decides:
        raise NotAllowed(f"{visitor.name} may look and not decide")


def _fields(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise FormRefused("what came is no form")
    if len(request.body) > _LARGEST:
        raise FormRefused("the form is too large")
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise FormRefused("the form can't be read") from error
    return dict(pairs)
