"""The host's log: one line an event, with the category that Azure would file it under and the invocation it belongs to.

Lines of the app's own code are `Function.<name>.User`, lines about an invocation `Function.<name>`, the rest is the
host's. `logging.logLevel` of `host.json` decides by the longest matching category, as in Azure.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from sandbox.host.correlation import current_invocation

_LEVELS = {
    "trace": 5,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_NOISY = ("azure", "aiohttp", "asyncio", "msal", "urllib3")
"""Loggers of libraries that the host itself uses: below a warning they are heard only inside an invocation."""


class HostFilter(logging.Filter):
    """Gives a record its category and invocation, and drops what `host.json` does not want to hear."""

    def __init__(self, levels: Mapping[str, str]) -> None:
        """Take level names by lower-case category; an unknown level name counts as Information."""
        super().__init__()
        self._levels = {category: _LEVELS.get(level.lower(), logging.INFO) for category, level in levels.items()}
        self._default = self._levels.pop("default", logging.INFO)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        invocation = current_invocation()
        category = record.name
        if not category.startswith(("Host.", "Function.")):
            own = category.split(".", 1)[0] in _NOISY
            if record.levelno < logging.WARNING and (category == "azure.functions" or (own and invocation is None)):
                return False
            if invocation is not None:
                category = f"Function.{invocation.function}.User"
        record.category = category
        record.invocation = invocation.id if invocation is not None else "-"
        return record.levelno >= self._threshold(category.lower())

    def _threshold(self, category: str) -> int:
        matching = [prefix for prefix in self._levels if category.startswith(prefix)]
        return self._levels[max(matching, key=len)] if matching else self._default


class HostFormatter(logging.Formatter):
    """`TIME LEVEL CATEGORY INVOCATION MESSAGE`, the time in UTC, a missing invocation as `-`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(category)s %(invocation)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's name
        """The record's time as ISO 8601 in UTC."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure_logging(levels: Mapping[str, str], *, debug: bool = False, stream: TextIO = sys.stderr) -> None:
    """Send all logging of the process through the host's format; replaces what was configured before.

    Args:
        levels: `logging.logLevel` of `host.json`, by lower-case category.
        debug: hear DEBUG as well, as the setting `PYTHON_ENABLE_DEBUG_LOGGING` of the real worker does.
        stream: where the lines go.
    """
    handler = logging.StreamHandler(stream)
    handler.addFilter(HostFilter(levels))
    handler.setFormatter(HostFormatter())
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True)
