"""The doctor's findings for people: what is wrong first to the eye, with the command under it on a line of its own."""

from collections import Counter
from typing import Final

from shared.application.doctor.findings import DoctorReport, Finding, Verdict
from shared.commands._terminal import Printer, visible

_STYLES: Final = {
    Verdict.OK: "green",
    Verdict.UNKNOWN: "dim",
    Verdict.WARNING: "yellow",
    Verdict.FAILING: "red",
}
_INDENT: Final = 9
"""Columns of the verdict, under which folded text goes on."""


def show_report(report: DoctorReport) -> None:
    """A line for each finding, what was expected and the commands under those that are not well, and the counts."""
    printer = Printer()
    for finding in report.findings:
        _show(printer, finding)
    counts = Counter(finding.verdict for finding in report.findings)
    printer.line()
    printer.line(", ".join(f"{counts[verdict]} {printer.paint(verdict, _STYLES[verdict])}" for verdict in Verdict))


def _show(printer: Printer, finding: Finding) -> None:
    verdict = printer.paint(f"{finding.verdict:<8}", _STYLES[finding.verdict])
    by = printer.paint(" (says the app)", "dim") if finding.by else ""
    printer.words(f"{verdict} {printer.paint(finding.what, 'bold')}{by}: {visible(finding.seen)}", indent=_INDENT)
    if finding.expected:
        printer.field("expected", visible(finding.expected))
    for command in finding.mend:
        printer.field("mend", printer.paint(command, "cyan"), whole=True)
