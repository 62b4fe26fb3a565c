"""Folds what the demo tells to the width of a terminal, between words and with an indent.

A terminal breaks long lines in the middle of a word and begins the rest at the left edge. A command gets a backslash
where it is folded, so that what is copied still runs.
"""

import textwrap
from typing import Final

_COMMAND: Final = "$ "
_NARROWEST: Final = 20


def folded(text: str, width: int) -> list[str]:
    """The lines of a text, at most `width` columns each; what follows the first is indented by two more.

    A word of a command stays whole, however long it is.
    """
    body = text.lstrip()
    indent = text[: len(text) - len(body)]
    if len(text) <= width or not body:
        return [text]
    is_command = body.startswith(_COMMAND)
    lines = textwrap.wrap(
        body,
        max(width - len(indent) - (len(_COMMAND) if is_command else 0), _NARROWEST),
        subsequent_indent="  ",
        break_long_words=not is_command,
        break_on_hyphens=False,
    )
    *above, last = lines
    return [*(f"{indent}{line}{' \\' if is_command else ''}" for line in above), f"{indent}{last}"]
