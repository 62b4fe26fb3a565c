"""The reference of notices: a page with an example of each kind, and a JSON Schema for who reads them by machine."""

import json
from typing import Any

import msgspec

from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from shared.domain.telling import TITLES

_MEANINGS = {
    NoticeKind.INCIDENT_DETECTED: "An image pull failed because of a pull limit, for the first time.",
    NoticeKind.INCIDENT_AWAITING_APPROVAL: "Mode `approve`: a plan is ready, and a person has to agree to it.",
    NoticeKind.INCIDENT_APPLIED: "The registry has a rule that covers the image; the proof is still missing.",
    NoticeKind.INCIDENT_VERIFIED: "The registry serves the image. What is left: change the reference.",
    NoticeKind.INCIDENT_BLOCKED: "The image can't be cached; `reason` and `detail` say why and what helps.",
    NoticeKind.INCIDENT_FAILED: "It was tried and an outside system refused for good; `reason` is its code.",
    NoticeKind.INCIDENT_PREVENTED: "An image that builds on an uncovered base was pushed; the base is covered now.",
    NoticeKind.INCIDENT_DRIFT: "Somebody changed a rule or a credential set that the policy calls for.",
    NoticeKind.ROTATION_STARTED: "A Docker Hub token is being replaced.",
    NoticeKind.ROTATION_SUCCEEDED: "The new token is in use, and the old one is about to be retired.",
    NoticeKind.ROTATION_FAILED: "A rotation stopped; `facts` name the step.",
    NoticeKind.ROTATION_ACTION_NEEDED: "A credential needs a person.",
    NoticeKind.ROTATION_REMINDER: "A token that a person has to replace expires soon.",
    NoticeKind.HEADROOM_LOW: "Few pulls are left in Docker Hub's window.",
    NoticeKind.HEADROOM_EXHAUSTED: "No pulls are left in Docker Hub's window.",
    NoticeKind.DEAD_LETTER_ADDED: "A message could not be handled and lies in a poison queue.",
    NoticeKind.DIGEST_DAILY: "Once a day at `digest_at`: what changed, and what waits for somebody.",
    NoticeKind.DIGEST_STORM: "The summary of what a channel for people was spared during a storm.",
    NoticeKind.CHANNEL_FAILED: "A channel refuses for good; told through the others, once a day and reason.",
    NoticeKind.CHANNEL_TEST: "A marked test message.",
}


def notice_schema() -> str:
    """The JSON Schema of every kind of notice."""
    schema: dict[str, Any] = msgspec.json.schema(Notice)
    kinds = {
        kind.value: {
            "title": kind.value,
            "description": _MEANINGS[kind].replace("`", ""),
            "allOf": [{"$ref": "#/$defs/Notice"}, {"properties": {"kind": {"const": kind.value}}}],
        }
        for kind in NoticeKind
    }
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A notice of Cachewarden: the data of its CloudEvents",
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds],
        "$defs": {**schema["$defs"], **kinds},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def notice_page(generated: str) -> str:
    """A page with every kind of notice; `generated` is the line that says where the page comes from."""
    lines = [
        "# Notices",
        "",
        generated,
        "",
        "Topics and webhooks get a notice as the `data` of a CloudEvent of the type `cachewarden.<kind>`, as below;",
        "[notices.schema.json](notices.schema.json) is its JSON Schema, a definition per kind. Fields that say nothing",
        "are left out of the examples and present in the data. People get the same in their channel's form: see",
        "[notifications](../notifications.md).",
        "",
    ]
    for kind in NoticeKind:
        lines += _entry(kind)
    return "\n".join(lines)


def _entry(kind: NoticeKind) -> list[str]:
    notice = example(kind)
    said = {name: value for name, value in json.loads(msgspec.json.encode(notice)).items() if value}
    return [
        f"## {kind}",
        "",
        f"*{TITLES[kind]}* · usually {notice.severity}. {_MEANINGS[kind]}",
        "",
        "```json",
        json.dumps(said, indent=2, ensure_ascii=False),
        "```",
        "",
    ]
