"""Notes what ran in the file that the setting JOURNAL names, one JSON object a line, for the tests to read."""

import asyncio
import json
import os
from pathlib import Path


def record(function: str, **facts: object) -> None:
    """Append one line; small appends are atomic, so several hosts may share a journal."""
    with Path(os.environ["JOURNAL"]).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps({"function": function, **facts}, default=str) + "\n")


def _is_open(gate: str) -> bool:
    return Path(os.environ["JOURNAL"]).with_name(gate).exists()


async def wait_at(gate: str) -> None:
    """Wait until the test makes the file of that name beside the journal."""
    while not _is_open(gate):
        await asyncio.sleep(0.01)
