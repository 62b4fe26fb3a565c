"""What a timer remembers over a restart, and which of several hosts runs it.

Azure keeps both in blobs: the status below `azure-webjobs-hosts/timers`, and a lease that makes one instance of an app
run each timer. Here both are files in the state folder, and the lease is a file lock: the kernel lifts it when the host
dies, even by kill -9, where Azure's lease takes up to a minute to run out.
"""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

NEVER = datetime(1, 1, 1, tzinfo=UTC)
""".NET's DateTime.MinValue: the timer has not run yet."""


class TimerStatus(msgspec.Struct, frozen=True, rename="pascal"):
    """The schedule status, in the words of the blob that Azure keeps."""

    last: datetime
    next: datetime
    last_updated: datetime


class TimerState:
    """The files of one timer."""

    def __init__(self, folder: Path, function: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._status = folder / f"{function.lower()}.status.json"
        self._lock = folder / f"{function.lower()}.lock"
        self._held: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Become the host that runs the timer; False when another one is."""
        if self._held is not None:
            return True
        file = self._lock.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held = file
        return True

    def release(self) -> None:
        """Leave the timer to another host."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def read(self) -> TimerStatus | None:
        """The recorded status; None when there is none, or only what is left of one."""
        try:
            return msgspec.json.decode(self._status.read_bytes(), type=TimerStatus)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, status: TimerStatus) -> None:
        """Record the status; a crash leaves either the old one or the new one."""
        new = self._status.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(status))
        os.replace(new, self._status)  # noqa: PTH105 - the atomic replacement is the point
