"""What the doctor finds, and how findings of several observers become one answer."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec


class Condition(StrEnum):
    """How well the whole is: all is well, something is amiss and the rest works, nothing can work."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"


class Verdict(StrEnum):
    """How well one thing is; `unknown` where whoever asked may not look, or nobody said where."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILING = "failing"

    @property
    def gravity(self) -> int:
        """0 for what is well, more for what is worse."""
        return list(Verdict).index(self)


class Judgement(msgspec.Struct, frozen=True):
    """What a look at one thing says.

    Attributes:
        seen: what is there.
        expected: what should be, empty when it is.
        mend: the commands that mend it, a line each, safe to paste into a shell; empty where none does.
    """

    verdict: Verdict
    seen: str
    expected: str = ""
    mend: tuple[str, ...] = ()


class Finding(Judgement, frozen=True, kw_only=True):
    """A judgement about something.

    Attributes:
        what: `storage`, `registry contoso`, `secret dockerhub-token of hub`, `workspace 1111…`.
        by: who looked: `app` when the running app did; empty when this process did.
    """

    what: str
    by: str = ""


class DoctorReport(msgspec.Struct, frozen=True):
    """Everything that was looked at.

    Attributes:
        condition: failing when something vital is, degraded when anything else is wrong, unknowns left out.
        findings: in the order of the checks.
    """

    condition: Condition
    findings: tuple[Finding, ...]


def ok(seen: str) -> Judgement:
    """All is well."""
    return Judgement(Verdict.OK, seen)


def warning(seen: str, expected: str, *mend: str) -> Judgement:
    """It works and should be otherwise."""
    return Judgement(Verdict.WARNING, seen, expected, mend)


def failing(seen: str, expected: str, *mend: str) -> Judgement:
    """It can't work like this."""
    return Judgement(Verdict.FAILING, seen, expected, mend)


def unknown(seen: str, expected: str = "", *mend: str) -> Judgement:
    """Nobody could look."""
    return Judgement(Verdict.UNKNOWN, seen, expected, mend)


def together(judgements: Iterable[Judgement], *, otherwise: str) -> Judgement:
    """One judgement about several sides of a thing: the worst verdict, with what led to it; all well without any."""
    found = [one for one in judgements if one.verdict is not Verdict.OK]
    if not found:
        return ok(otherwise)
    return Judgement(
        max((one.verdict for one in found), key=lambda verdict: verdict.gravity),
        "; ".join(one.seen for one in found),
        "; ".join(dict.fromkeys(one.expected for one in found if one.expected)),
        tuple(dict.fromkeys(line for one in found for line in one.mend)),
    )


def report_of(findings: Sequence[Finding], vital: Iterable[str] = ("storage",)) -> DoctorReport:
    """The report; `vital` names what nothing works without."""
    wrong = {finding.what for finding in findings if finding.verdict in {Verdict.WARNING, Verdict.FAILING}}
    dead = {finding.what for finding in findings if finding.verdict is Verdict.FAILING}
    condition = Condition.DEGRADED if wrong else Condition.HEALTHY
    if dead & set(vital):
        condition = Condition.FAILING
    return DoctorReport(condition, tuple(findings))


def merged(mine: DoctorReport, apps: DoctorReport) -> DoctorReport:
    """One report of what this process and the running app found: about each thing, who could look; else the worse."""
    theirs = {finding.what: msgspec.structs.replace(finding, by="app") for finding in apps.findings}
    found = []
    for finding in mine.findings:
        other = theirs.pop(finding.what, None)
        if other is None or other.verdict is Verdict.UNKNOWN:
            found.append(finding)
        elif finding.verdict is Verdict.UNKNOWN:
            found.append(other)
        else:
            found.append(max((other, finding), key=lambda one: one.verdict.gravity))
    return report_of([*found, *theirs.values()])
