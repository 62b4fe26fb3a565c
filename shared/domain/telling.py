"""A notice as a message for people: what is said in which order, before a channel gives it a form.

The channels for people differ in syntax and limits and in nothing else, so the wording stands here, once, defused and
bounded.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.domain.approvals import Proposal
from shared.domain.defusing import one_line, several_lines
from shared.domain.handoff import helm_set, kustomize_edit
from shared.domain.images import parse_reference
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notice_links import Link, Places, links_of
from shared.domain.notices import HandOff, Notice
from shared.domain.plans import Action, AttachCredentialSet, CreateCacheRule, CreateCredentialSet, GrantVaultAccess

MOST_IMAGES = 5
"""Images that a message has lines for; all of them are on the console."""

_MOST_COMMANDS = 5
_MOST_NAMES = 8
_SHORT = 200
_LONG = 800

TITLES: Final = {
    NoticeKind.INCIDENT_DETECTED: "Image pull limited",
    NoticeKind.INCIDENT_PLANNED: "A cache rule would help",
    NoticeKind.INCIDENT_AWAITING_APPROVAL: "A cache rule waits for approval",
    NoticeKind.INCIDENT_APPLIED: "Cache rule created",
    NoticeKind.INCIDENT_VERIFIED: "Image served from the registry",
    NoticeKind.INCIDENT_BLOCKED: "Image can't be cached",
    NoticeKind.INCIDENT_FAILED: "Caching an image failed",
    NoticeKind.INCIDENT_PREVENTED: "Pull limit prevented",
    NoticeKind.INCIDENT_DRIFT: "Cache rule changed by somebody",
    NoticeKind.ROTATION_STARTED: "Token rotation started",
    NoticeKind.ROTATION_SUCCEEDED: "Token rotated",
    NoticeKind.ROTATION_FAILED: "Token rotation failed",
    NoticeKind.ROTATION_ACTION_NEEDED: "A token needs you",
    NoticeKind.ROTATION_REMINDER: "A token expires soon",
    NoticeKind.HEADROOM_LOW: "Few pulls left",
    NoticeKind.HEADROOM_EXHAUSTED: "No pulls left",
    NoticeKind.DEAD_LETTER_ADDED: "A message could not be handled",
    NoticeKind.DIGEST_DAILY: "The last day",
    NoticeKind.DIGEST_STORM: "Many notices at once",
    NoticeKind.CHANNEL_FAILED: "A channel does not work",
    NoticeKind.CHANNEL_TEST: "Test message",
}
"""What a message of each kind is headed."""

_NOT_YET: Final = frozenset(
    {
        NoticeKind.INCIDENT_DETECTED,
        NoticeKind.INCIDENT_PLANNED,
        NoticeKind.INCIDENT_AWAITING_APPROVAL,
        NoticeKind.INCIDENT_APPLIED,
    }
)
"""Kinds that come before the proof: whoever changed the reference now would pull what is not there yet."""

_PROPOSALS: Final = frozenset({NoticeKind.INCIDENT_PLANNED, NoticeKind.INCIDENT_AWAITING_APPROVAL})
"""Kinds whose plan is not carried out yet."""


class Snippet(msgspec.Struct, frozen=True):
    """Lines to copy.

    Attributes:
        text: as they are written to a file or a terminal.
        short: the same on one line, for targets that don't keep indentation.
    """

    label: str
    text: str
    short: str


class Message(msgspec.Struct, frozen=True):
    """What people read.

    Attributes:
        title: what happened, in a few words.
        summary: the whole of it in a sentence.
        facts: a name and a line each.
        evidence: a line that the failing system wrote; empty where there is none.
        next_step: what happens next, and what is left to do.
        snippets: lines to copy.
        links: where to look closer.
    """

    title: str
    severity: Severity
    summary: str
    facts: tuple[tuple[str, str], ...]
    evidence: str
    next_step: str
    snippets: tuple[Snippet, ...]
    links: tuple[Link, ...]


def message_of(notice: Notice, places: Places) -> Message:
    """The message for a notice."""
    return Message(
        title=TITLES[notice.kind],
        severity=notice.severity,
        summary=one_line(notice.summary, _LONG),
        facts=tuple((one_line(name, 60), line) for name, text in _facts(notice) if (line := one_line(text, _LONG))),
        evidence=one_line(notice.cause, _LONG),
        next_step=one_line(notice.next_step, _LONG),
        snippets=tuple(
            Snippet(one_line(each.label, _SHORT), several_lines(each.text, 2000), one_line(each.short, 2000))
            for each in (() if notice.kind in _NOT_YET else _snippets(notice.hand_off))
        ),
        links=links_of(notice, places),
    )


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    for index, each in enumerate(notice.hand_off[:MOST_IMAGES]):
        yield "Image" if index == 0 else "and", f"{each.image} → {each.pull_from}"
    if len(notice.hand_off) > MOST_IMAGES:
        yield "and", f"{len(notice.hand_off) - MOST_IMAGES} more"
    if not notice.hand_off:
        yield "Repository", notice.source
    yield "Registry", notice.registry_id.rstrip("/").rpartition("/")[2]
    yield "Why", f"{notice.reason}: {notice.detail}" if notice.reason and notice.detail else notice.detail
    yield "Rule", notice.rule or ""
    yield "Would do", _proposed(notice.proposal) if notice.kind in _PROPOSALS else ""
    yield "Workloads", _names(notice.workloads)
    for proof in notice.proofs[:MOST_IMAGES]:
        yield "Proof", f"{proof.pull_from} answered {proof.digest} at {proof.at:%Y-%m-%d %H:%M} UTC"
    yield from notice.facts.items()


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _proposed(proposal: Proposal | None) -> str:
    return "; ".join(described(action) for action in proposal.actions) if proposal else ""


def described(action: Action) -> str:
    """An action in words, as they follow `would`."""
    match action:
        case CreateCredentialSet():
            return f"create the credential set {action.name} for {action.login_server}"
        case GrantVaultAccess():
            return f"let the credential set {action.credential_set} read {', '.join(action.secrets)}"
        case CreateCacheRule():
            return f"create the cache rule {action.name}: {action.source} → {action.target}"
        case AttachCredentialSet():
            return f"give the rule {action.rule} the credential set {action.credential_set}"


def _snippets(hand_off: tuple[HandOff, ...]) -> Iterator[Snippet]:
    for each in hand_off[:MOST_IMAGES]:
        for command in each.commands[:_MOST_COMMANDS]:
            yield Snippet("Change the workload", command, command)
        if each.kustomize:
            yield Snippet("Kustomize", each.kustomize, kustomize_edit(parse_reference(each.image), each.pull_from))
        if each.helm:
            yield Snippet("Helm", each.helm, helm_set(each.pull_from))
        if each.dockerfile:
            yield Snippet("Dockerfile", each.dockerfile, each.dockerfile)
