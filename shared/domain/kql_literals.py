"""Literals in KQL: the one way in which a value may enter a query.

A value that comes from an alert or a log is written by strangers. Quoted here it stays a value, whatever it contains;
most of our queries need none, since filtering in Python is safer still.
"""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def kql_quote(value: str) -> str:
    r"""The value as a KQL string literal in double quotes and on one line, for any text.

    What is not printable is written as `\uXXXX`, so that no character ends the line or the literal for a reader that
    knows more line breaks than we do; half a surrogate pair, which is no text, becomes the replacement character.
    Source: https://learn.microsoft.com/kusto/query/scalar-data-types/string (documented).
    """
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
