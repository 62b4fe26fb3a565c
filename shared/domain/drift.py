"""Drift: somebody changed a rule or a credential set that the policy calls for.

Repairing is right when it was a mistake. When the same person changes it again after our repair it was none, and two
who undo each other's work help nobody: then we stop and ask.
"""

from collections import Counter
from datetime import datetime, timedelta

import msgspec

from shared.domain.events import ChangeHint
from shared.domain.incidents import registry_key
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, Severity, notice_id
from shared.domain.policy import Mode

MOST_CHANGES = 20

_REMEMBERED = timedelta(days=7)
"""How long a change counts as the first of two."""

_ENOUGH = 2
_MOST_NAMED = 3


class Change(msgspec.Struct, frozen=True):
    """One change that the policy did not call for: the delivery that told of it, who did it, and when."""

    delivery: str
    by: str
    at: datetime


class DriftRecord(msgspec.Struct, frozen=True):
    """The changes to one resource, oldest first, at most `MOST_CHANGES`."""

    resource: str
    changes: tuple[Change, ...] = ()

    def with_change(self, change: Change) -> "DriftRecord":
        """The record with a change; the same delivery again is no second one."""
        if any(known.delivery == change.delivery for known in self.changes):
            return self
        return msgspec.structs.replace(self, changes=(*self.changes, change)[-MOST_CHANGES:])

    def is_contested(self, change: Change) -> bool:
        """Whether who made a change has made one before, lately; changes by nobody known are one person's."""
        by_same = [one for one in self.changes if one.by == change.by and abs(change.at - one.at) <= _REMEMBERED]
        return len(by_same) >= _ENOUGH

    def is_contested_at(self, now: datetime) -> bool:
        """Whether anybody has changed it twice lately, so that it is repaired only when a person agrees."""
        lately = Counter(change.by for change in self.changes if now - change.at <= _REMEMBERED)
        return any(times >= _ENOUGH for times in lately.values())


def resource_key(hint: ChangeHint) -> str:
    """What stands for a rule or a credential set; ARM compares names without regard to case."""
    return key_of(hint.registry_id, hint.kind, hint.name)


def key_of(registry_id: str, kind: str, name: str) -> str:
    """What stands for a resource of a kind, `cacheRules` or `credentialSets`."""
    return f"{registry_key(registry_id)}-{kind}-{name}".lower()


def subject_of(registry_id: str, kind: str, name: str) -> str:
    """What notices about a changed resource are about."""
    return f"resources/{key_of(registry_id, kind, name)}"


def what_happened(hint: ChangeHint) -> str:
    """The change in half a sentence: what, by whom, when."""
    noun = "cache rule" if hint.kind == "cacheRules" else "credential set"
    verb = "deleted" if hint.deleted else "changed"
    who = "found " + verb if hint.found else f"{verb} by {hint.by or 'somebody unnamed'}"
    return f"the {noun} {hint.name} was {who} at {hint.at:%Y-%m-%d %H:%M:%S} UTC"


_NEXT = {
    Mode.OBSERVE: "Nothing is done about it in mode observe: ask whoever changed it.",
    Mode.APPROVE: "A person is asked before it is repaired.",
    Mode.ENFORCE: "It is repaired, and you hear when the registry serves the images again; ask whoever changed it.",
}


def drift_notice(  # noqa: PLR0913 - everything that is told, each by name
    hint: ChangeHint,
    *,
    delivery: str,
    mode: Mode,
    contested: bool,
    sources: list[str],
    now: datetime,
    hindrance: str = "",
) -> Notice:
    """What people are told about a change.

    Args:
        hint: the change.
        delivery: the event's delivery, or what stands for it.
        mode: the mode in which it is repaired.
        contested: the same person did it before, so a person is asked.
        sources: the upstream repositories that it leaves without a cover.
        now: the time.
        hindrance: why it can't be repaired as things are, and what to do; empty when it can.
    """
    subject = subject_of(hint.registry_id, hint.kind, hint.name)
    stopped = "The same person has changed it before, so it is left as it is."
    return Notice(
        id=notice_id(NoticeKind.INCIDENT_DRIFT, subject, (delivery,)),
        kind=NoticeKind.INCIDENT_DRIFT,
        subject=subject,
        severity=Severity.CRITICAL if contested else Severity.WARNING,
        summary=f"Drift: {what_happened(hint)}; {', '.join(sources[:_MOST_NAMED])}{_more(sources)} "
        f"{'needs' if len(sources) == 1 else 'need'} it",
        at=now,
        registry_id=hint.registry_id,
        reason="contested" if contested else None,
        detail=stopped if contested else "",
        rule=hint.name if hint.kind == "cacheRules" else None,
        facts={
            "changed by": hint.by or "unknown",
            "found at" if hint.found else "changed at": hint.at.isoformat(),
            "operation": f"{hint.kind} {'delete' if hint.deleted else 'write'}",
            "needed for": ", ".join(sources[:10]),
        },
        next_step=_next_step(mode, hindrance, contested=contested),
    )


def _next_step(mode: Mode, hindrance: str, *, contested: bool) -> str:
    if hindrance:
        return f"It can't be repaired as things are: {hindrance}"
    if contested:
        return "Agree with whoever changed it; approve the repair if it is to be made."
    return _NEXT[mode]


def _more(sources: list[str]) -> str:
    return f" and {len(sources) - _MOST_NAMED} more" if len(sources) > _MOST_NAMED else ""
