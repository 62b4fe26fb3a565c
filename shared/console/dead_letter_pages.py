"""Dead letters: what was given up and why, and the way back."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from shared.application.letter_views import LetterView
from shared.application.paging import position_text
from shared.application.ports import Position
from shared.console.html import Child, el
from shared.console.page import ROOT, Page, facts, link, section, table
from shared.console.words import Word, badge, moment, when
from shared.domain.counting import counted
from shared.domain.dead_letters import BLOBS, LetterState

PAGE = 50
_SHOWN = 20_000
_WORDS = {
    LetterState.DEAD: Word("given up", "bad", "It failed at every attempt. Replay it once the cause is mended."),
    LetterState.REPLAYED: Word(
        "replayed", "busy", "It was put back on its queue. Should it fail again, it comes back here."
    ),
    LetterState.FAILING: Word("failing", "wait", "It is still being tried."),
}


def letter_list(letters: Sequence[LetterView], now: datetime) -> Page:
    """A page of the letters; there is one more than the page where another page follows."""
    shown = letters[:PAGE]
    rows: list[tuple[Child, ...]] = [
        (
            link(f"dead-letters/{each.id}", each.id[:12], class_="mono"),
            badge(_WORDS[each.state]),
            each.origin,
            each.failures[-1].text if each.failures else None,
            when(each.updated_at, now),
        )
        for each in shown
    ]
    columns = ("Message", "State", "Queue", "Last error", "Changed")
    none = el("p", "Nothing was given up.", class_="soft")
    older = None
    if len(letters) > PAGE:
        place = urlencode({"before": position_text(Position(shown[-1].updated_at, shown[-1].id))})
        older = el("nav", link(f"dead-letters?{place}", "Older", rel="next"), class_="paging", aria_label="Pages")
    body = [table("Dead letters", columns, rows, less=("Queue",)) if rows else none, older]
    return Page(title="Dead letters", here="dead-letters", body=body)


def letter_page(letter: LetterView, now: datetime, *, token: str, decides: bool, told: str = "") -> Page:
    """One letter with the errors of its attempts."""
    word = _WORDS[letter.state]
    rows: list[tuple[Child, ...]] = [
        (when(each.at, now), each.attempt, el("code", each.code), each.text) for each in letter.failures
    ]
    body = letter.body if len(letter.body) <= _SHOWN else f"{letter.body[:_SHOWN]}…"
    return Page(
        title=f"Dead letter {letter.id[:12]}",
        here="dead-letters",
        lead=badge(word),
        told=told,
        body=[
            el("p", word.meaning, class_="lead"),
            _replay(letter, token) if decides and token and _can_come_back(letter) else None,
            section(
                "At a glance",
                facts(
                    ("Queue or trigger", letter.origin),
                    ("Given up", counted(letter.deaths, "time")),
                    ("First failed", moment(letter.first_seen, now)),
                    ("Changed", moment(letter.updated_at, now)),
                ),
            ),
            section("Attempts", table("Attempts", ("When", "Try", "Code", "Error"), rows, less=("Try",)))
            if rows
            else None,
            section("Message", el("pre", body, class_="evidence", tabindex=0), note=f"As {letter.encoding}."),
        ],
    )


def _can_come_back(letter: LetterView) -> bool:
    """Whether it can be replayed: a file that can't be read has no message to send."""
    return letter.state is LetterState.DEAD and letter.origin != BLOBS


def _replay(letter: LetterView, token: str) -> Child:
    return el(
        "form",
        el("input", type="hidden", name="token", value=token),
        el("div", el("button", "Replay", class_="main"), class_="buttons"),
        method="post",
        action=f"{ROOT}/dead-letters/{letter.id}/replay",
    )
