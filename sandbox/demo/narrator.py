"""Tells the story: live progress on a terminal, plain lines everywhere else.

A step that does not hold ends the story with its name; a person and a script both learn which one it was.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from aiohttp import ClientError
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sandbox.demo.folding import folded

_INDENT = "     "
_SPARE_LINES = 3
"""Lines of a terminal that the live picture leaves free: its title, the cursor, and one more."""


class _Terminal(Console):
    """A console that lets whoever called know that the reader of the output went away; rich ends the process."""

    def on_broken_pipe(self) -> NoReturn:
        raise OutputGone


class OutputGone(BrokenPipeError):
    """The reader of the output went away."""


def terminal() -> Console:
    """Standard output, which raises `OutputGone` when nobody reads it any more."""
    return _Terminal(highlight=False)


class StepFailed(Exception):
    """A step of the story does not hold.

    Attributes:
        step: the step's title.
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


class Unmet(Exception):
    """Something that the story tells is not so."""


def expect(holds: bool, otherwise: str) -> None:
    """Raise `Unmet` with what is so instead, unless it holds."""
    if not holds:
        raise Unmet(otherwise)


class Narrator:
    """Writes steps and what happens in them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    @contextmanager
    def step(self, title: str, *, numbered: bool = True) -> Iterator["Step"]:
        """One step of the story; what is unmet, out of reach or out of time in it becomes `StepFailed`."""
        self._number += numbered
        step = Step(self._console, f"{self._number if numbered else ' '}  {title}")
        with step.shown():
            try:
                yield step
            except OutputGone:
                raise
            except (Unmet, OSError, TimeoutError, ClientError) as error:
                raise StepFailed(title, str(error) or type(error).__name__) from error

    def fail(self, step: str, reason: str) -> None:
        """The end of a story that does not hold."""
        self._console.print(Text(f"This step does not hold: {step}", style="bold red"), soft_wrap=True)
        for line in reason.splitlines():
            _tell(self._console, Text(line))

    def say(self, text: str = "") -> None:
        """A line of its own."""
        _tell(self._console, Text.from_markup(text))

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """A small table; a block for each row where a terminal is too narrow, plain lines where there is none."""
        if not self._console.is_terminal:
            self.say(title)
            for row in rows:
                self._console.print("  " + "  ".join(row), soft_wrap=True, markup=False, highlight=False)
            return
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        if sum(widths) + 2 * len(widths) > self._console.width:
            self._blocks(title, columns, rows)
            return
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, style="cyan" if column == columns[0] else "")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def _blocks(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        _tell(self._console, Text(title, style="bold"))
        width = max(map(len, columns))
        for name, *rest in rows:
            _tell(self._console, Text(name, style="cyan"))
            for column, value in zip(columns[1:], rest, strict=True):
                _tell(self._console, Text(f"  {column:{width}}  {value}"))


class Step:
    """A step that is being told."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._lines: list[str] = []
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """Something that happened; shown at once."""
        if self._live is None:
            self._console.print(f"{_INDENT}{text}", soft_wrap=True, markup=False, highlight=False)
        else:
            self._lines.append(text)
            self._live.update(self._picture())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the step while it runs, and how it ended with its time."""
        started = time.perf_counter()
        if not self._console.is_terminal:
            self._console.print(f"  {self._title}", soft_wrap=True, markup=False, highlight=False)
            yield
            return
        mark = "[red]x[/red] "
        try:
            with Live(self._picture(), console=self._console, refresh_per_second=12, transient=True) as live:
                self._live = live
                yield
            mark = "[green]ok[/green]"
        finally:
            self._finish(mark, started)

    def _picture(self) -> Group:
        """The title and the latest lines: what is taller than the terminal can't be taken back, and would stay."""
        width, height = self._console.size
        lines = [line for text in self._lines for line in folded(_INDENT + text, width)]
        room = max(height - _SPARE_LINES, 1)
        title = Text(f" {self._title}", style="bold", no_wrap=True, overflow="ellipsis")
        return Group(Spinner("dots", title), *(Text(line, style="dim", no_wrap=True) for line in lines[-room:]))

    def _finish(self, mark: str, started: float) -> None:
        self._live = None
        took = time.perf_counter() - started
        self._console.print(f"{mark} [bold]{self._title}[/bold] [dim]{took:.1f} s[/dim]", highlight=False)
        for line in self._lines:
            _tell(self._console, Text(_INDENT + line, style="dim"))


def _tell(console: Console, text: Text) -> None:
    """A line; folded on a terminal that it does not fit, whole everywhere else."""
    lines = folded(text.plain, console.width) if console.is_terminal else [text.plain]
    for line in lines:
        console.print(text if line == text.plain else Text(line, style=text.style), soft_wrap=True)
