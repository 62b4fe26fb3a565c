"""Chores: what has to be looked after without an event; the sweep does them one by one."""

from typing import Protocol


class Chore(Protocol):
    """One thing that is looked after.

    Attributes:
        name: a stable word for logs and for the record of its last run.
        every_s: how many seconds lie between two runs, at least.
    """

    name: str
    every_s: float

    async def run(self) -> None:
        """Do it once; whatever it finds done is left alone.

        Raises:
            TemporaryError: an outside system is in trouble; the next run comes in time.
            PermanentError: somebody has to change something.
        """
