"""What dead letters need of the outside: a place to be kept, and the files in which Event Grid leaves its own."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

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


class LetterFile(msgspec.Struct, frozen=True):
    """A file with events that Event Grid could not deliver: its name, and its size in bytes."""

    name: str
    size: int


class EventLetters(Protocol):
    """The files in which Event Grid leaves what it could not deliver; one that was read is deleted."""

    def unread(self, most: int) -> AsyncIterator[LetterFile]:
        """The files that are there, at most so many, without those that were set aside."""

    async def read(self, name: str, most: int) -> bytes | None:
        """The first `most` bytes of a file, None when it is gone."""

    async def delete(self, name: str) -> None:
        """Delete a file whose events are recorded; one that is gone is left alone."""

    async def set_aside(self, name: str) -> None:
        """Mark a file that can't be read, so that it is not tried again; it stays for people to look at."""
