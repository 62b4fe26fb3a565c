"""The pages beside the work: health, the entrance, and what went wrong."""

from http import HTTPStatus

from shared.application.doctor.findings import Condition, DoctorReport, Finding, Verdict
from shared.console.html import Child, el
from shared.console.page import OVERVIEW, ROOT, Page, section, table
from shared.console.words import Word, badge

_CONDITIONS = {
    Condition.HEALTHY: Word("healthy", "good", "Everything that a cure needs is as it should be."),
    Condition.DEGRADED: Word("degraded", "wait", "Something is amiss; the rest works."),
    Condition.FAILING: Word("failing", "bad", "Something vital is amiss, so nothing can work."),
}
_VERDICTS = {
    Verdict.OK: Word("ok", "good"),
    Verdict.UNKNOWN: Word("unknown", "idle"),
    Verdict.WARNING: Word("warning", "wait"),
    Verdict.FAILING: Word("failing", "bad"),
}


def health_page(report: DoctorReport) -> Page:
    """What was looked at just now: first what is not well, the worst first, with the commands that mend it.

    What the app can't know is set apart: nothing there waits to be mended.
    """
    word = _CONDITIONS[report.condition]
    amiss = sorted(
        (each for each in report.findings if each.verdict not in {Verdict.OK, Verdict.UNKNOWN}),
        key=lambda each: -each.verdict.gravity,
    )
    well: list[tuple[Child, ...]] = [
        (each.what, el("div", each.seen, class_="long")) for each in report.findings if each.verdict is Verdict.OK
    ]
    unknown: list[tuple[Child, ...]] = [
        (each.what, el("div", each.seen, class_="long"), each.expected)
        for each in report.findings
        if each.verdict is Verdict.UNKNOWN
    ]
    return Page(
        title="Health",
        here="health",
        lead=badge(word),
        body=[
            el("p", word.meaning, class_="lead"),
            section("To look at", el("ul", [_finding(each) for each in amiss], class_="cards")) if amiss else None,
            section("As it should be", table("As it should be", ("What", "Seen"), well)) if well else None,
            section(
                "Not known from here",
                table("Not known from here", ("What", "Seen", "Expected"), unknown),
                note="The app may not look, and works without. You may: cachewarden doctor --app.",
            )
            if unknown
            else None,
        ],
    )


def _finding(finding: Finding) -> Child:
    """What is there, what should be, and the lines that mend it."""
    word = _VERDICTS[finding.verdict]
    return el(
        "li",
        el("div", el("h3", finding.what), badge(word), class_="title"),
        el("p", finding.seen),
        el("p", f"Expected: {finding.expected}", class_="soft") if finding.expected else None,
        el("pre", "\n".join(finding.mend), tabindex=0) if finding.mend else None,
        class_=f"card long {word.tone}",
    )


def key_wanted(to: str) -> Page:
    """The entrance for who has the function key; from there it goes on to the page that was wanted."""
    form = el(
        "form",
        el("input", type="hidden", name="to", value=to),
        el("label", "Function key", el("input", name="code", type="password", required=True, autocomplete="off")),
        el("div", el("button", "Open the console", class_="main"), class_="buttons"),
        method="get",
        action=ROOT,
        class_="ask",
    )
    return Page(
        title="Sign in",
        body=[
            el("p", "The console is for people who have this app's function key.", class_="lead"),
            form,
            el(
                "p",
                "The key is looked at once. Then a session of eight hours counts, in a cookie that no script can read.",
                class_="soft",
            ),
        ],
        status=HTTPStatus.UNAUTHORIZED,
    )


def role_wanted(name: str, roles: str) -> Page:
    """For who is signed in and may not look."""
    return Page(
        title="No role",
        body=[
            el("p", f"{name} is signed in, and has none of the roles {roles}.", class_="lead"),
            el("p", "Ask whoever manages the app's Entra application to assign one."),
        ],
        status=HTTPStatus.FORBIDDEN,
    )


def problem(status: int, title: str, text: str, hint: str = "", *, back: str = OVERVIEW) -> Page:
    """What went wrong, and what can be done."""
    return Page(
        title=title,
        body=[
            el("p", text, class_="lead"),
            el("p", hint) if hint else None,
            el("p", el("a", "Back", href=back)),
        ],
        status=status,
    )
