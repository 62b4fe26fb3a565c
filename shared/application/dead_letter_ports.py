"""What dead letters need of the outside: a place to be kept."""

from collections.abc import AsyncIterator
from typing import Protocol

from shared.application.ports import Position, Stored
from shared.domain.dead_letters import DeadLetter


class Letters(Protocol):
    """Dead letters and what is on its way to become one."""

    async def get(self, letter_id: str) -> Stored[DeadLetter] | None:
        """The letter, None when there is none."""

    async def insert(self, letter: DeadLetter) -> None:
        """Store a new letter; raises `Changed` when it exists."""

    async def replace(self, stored: Stored[DeadLetter], letter: DeadLetter) -> None:
        """Replace a letter as it was read; raises `Changed` when it was changed since."""

    def newest(self, limit: int, *, before: Position | None = None) -> AsyncIterator[DeadLetter]:
        """Letters that were given up, at most `limit`, latest change first; `before` has a letter's id as `key`."""
