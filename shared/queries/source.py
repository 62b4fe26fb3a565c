"""A source: one query and the reader of its rows."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files

import msgspec

from shared.domain.failures import PullFailure
from shared.queries.rows import Row


class LogSource(msgspec.Struct, frozen=True):
    """A place where Azure shows failed pulls.

    Attributes:
        name: the source's name and that of its `.kql` file.
        tables: the tables that the query reads; it runs where the workspace has one of them.
        read: the failures in its rows.
    """

    name: str
    tables: tuple[str, ...]
    read: Callable[[Sequence[Row]], list[PullFailure]]

    @property
    def query(self) -> str:
        """The query's text, read from the package when it is first asked for."""
        return _text(self.name)


@lru_cache(maxsize=32)
def _text(name: str) -> str:
    return files("shared.queries").joinpath(f"{name}.kql").read_text(encoding="utf-8")
