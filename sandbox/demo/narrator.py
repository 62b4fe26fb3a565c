"""Tells the story: live progress on a terminal, plain lines everywhere else.

A step that does not hold ends the story with its name; a person and a script both learn which one it was.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientError
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


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
    def step(self, title: str) -> Iterator["Step"]:
        """One step of the story; what is unmet, out of reach or out of time in it becomes `StepFailed`."""
        self._number += 1
        step = Step(self._console, f"{self._number}  {title}")
        with step.shown():
            try:
                yield step
            except (Unmet, OSError, TimeoutError, ClientError) as error:
                raise StepFailed(title, str(error) or type(error).__name__) from error

    def fail(self, step: str, reason: str) -> None:
        """The end of a story that does not hold."""
        self._console.print(Text(f"This step does not hold: {step}", style="bold red"), soft_wrap=True)
        self._console.print(Text(reason), soft_wrap=True)

    def say(self, text: str = "") -> None:
        """A line of its own."""
        self._console.print(Text.from_markup(text), soft_wrap=True)

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """A small table; plain lines with tabs where there is no terminal."""
        if not self._console.is_terminal:
            self.say(title)
            for row in rows:
                self._console.print("  " + "  ".join(row), soft_wrap=True, markup=False, highlight=False)
            return
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, style="cyan" if column == columns[0] else "", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)


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
            self._console.print(f"     {text}", soft_wrap=True, markup=False, highlight=False)
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
        with Live(self._picture(), console=self._console, refresh_per_second=12, transient=True) as live:
            self._live = live
            try:
                yield
            except BaseException:
                self._finish("[red]x[/red]", started)
                raise
            self._finish("[green]ok[/green]", started)

    def _picture(self) -> Table:
        picture = Table.grid()
        picture.add_row(Spinner("dots", Text(f" {self._title}", style="bold")))
        for line in self._lines:
            picture.add_row(Text(f"     {line}", style="dim"))
        return picture

    def _finish(self, mark: str, started: float) -> None:
        self._live = None
        took = time.perf_counter() - started
        self._console.print(f"{mark} [bold]{self._title}[/bold] [dim]{took:.1f} s[/dim]", highlight=False)
        for line in self._lines:
            self._console.print(Text(f"     {line}", style="dim"), soft_wrap=True)
