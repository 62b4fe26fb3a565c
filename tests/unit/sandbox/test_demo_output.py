"""What the demo writes to terminals of any size."""

import io
import shlex

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sandbox.demo.folding import folded
from sandbox.demo.narrator import Narrator

_WORDS = st.lists(st.from_regex(r"[a-z:/.\-]{1,40}", fullmatch=True), min_size=1, max_size=12)


class TestFolding:
    """Long lines on a narrow terminal."""

    @given(words=_WORDS, indent=st.integers(0, 8), width=st.integers(40, 120))
    def test_fits_and_loses_nothing(self, words: list[str], indent: int, width: int) -> None:
        """No line is wider than the terminal; all text is there, in order."""
        text = " " * indent + " ".join(words)
        lines = folded(text, width)

        assert max(map(len, lines)) <= width
        assert "".join("".join(lines).split()) == "".join(words)

    @given(words=_WORDS, width=st.integers(40, 120))
    def test_a_folded_command_is_the_same_command(self, words: list[str], width: int) -> None:
        """What a shell reads from the copied lines is what it would have read from the one."""
        lines = folded("  $ " + " ".join(words), width)

        assert shlex.split("\n".join(lines).replace("\\\n", "")) == ["$", *words]

    def test_breaks_between_words_with_an_indent(self) -> None:
        """Two columns deeper than its first line."""
        text = "   the registry has a rule that covers the image"

        assert folded(text, 40) == ["   the registry has a rule that covers", "     the image"]


class TestNarrator:
    """Live progress."""

    def test_a_step_that_is_taller_than_the_terminal_shows_its_latest_lines(self) -> None:
        """What scrolls away can't be taken back and would stay as a ghost; in the end every line stands there once."""
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=40, height=8, highlight=False, _environ={})
        with Narrator(console).step("A step") as step:
            for number in range(30):
                step.say(f"line {number:02}")
            live = out.getvalue()
        told = out.getvalue()[len(live) :]

        assert live.count("\n") < 30 * 8
        assert [told.count(f"line {number:02}") for number in range(24)] == [1] * 24
        assert "ok" in told

    def test_a_table_that_does_not_fit_is_told_row_by_row(self) -> None:
        """Columns that break words are no table."""
        out = io.StringIO()
        narrator = Narrator(Console(file=out, force_terminal=True, width=40, color_system=None, _environ={}))
        narrator.table("Made", ("rule", "source"), [("a" * 30, "docker.io/library/nginx")])
        narrator.table("Made", ("rule", "source"), [("a", "b")])

        assert out.getvalue().splitlines() == [
            "Made",
            "a" * 30,
            "  source  docker.io/library/nginx",
            *["Made        ", "rule  source", "a     b     "],
        ]
