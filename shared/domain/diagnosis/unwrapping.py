"""Unwrapping: the plain text inside whatever carried it here.

The same refusal arrives as a log line, as a JSON string escaped once or twice, with terminal colours, as Markdown, with
percent-encoded names. Everything after this module reads one form: ASCII, real line breaks, real quotes, and a copy in
lower case whose positions are the same.

The trap is time: text in logs is hostile. Only a window of it is looked at, and every expression here is bounded.
"""

import re

import msgspec

WINDOW = 32_768
"""How many characters are looked at; a failure text is a few hundred, a container's log may be megabytes."""

_BEFORE = 8_192  # of the window, how much lies before the first sign of a limit
_SIGNS = ("toomanyrequests", "pull rate limit", "429 too many", "too many requests")

_ESCAPE = re.compile(
    r"(?<!\\)\\{1,64}+(?:(?P<same>[\"'`/])|(?P<line>[nr])|(?P<blank>t)|u(?P<code>[0-9a-fA-F]{4})|(?P<esc>x1b|033|e)(?=\[))"
)
_COLOUR = re.compile(r"\x1b\[[0-9;:?]{0,32}[A-Za-z]")
_BARE_COLOUR = re.compile(r"\[(?:[0-9]{1,3};){0,4}[0-9]{1,3}m")
_LINK = re.compile(r"!?\[([^\[\]()\n]{0,80})\]\([^()\s]{0,400}\)")
_PERCENT = re.compile(r"%(2[fF]|3[aA]|40|20|22|27|2[cC])")
_PERCENT_VALUES = {"2f": "/", "3a": ":", "40": "@", "20": " ", "22": '"', "27": "'", "2c": ","}
_ENTITY = re.compile(r"&(quot|lt|gt|amp|apos|#34|#39|#47|#x27|#x2F);")
_ENTITY_VALUES = {
    "quot": '"',
    "lt": "<",
    "gt": ">",
    "amp": "&",
    "apos": "'",
    "#34": '"',
    "#39": "'",
    "#47": "/",
    "#x27": "'",
    "#x2F": "/",
}
_TYPOGRAPHY = {
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a"), "'"),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u202f"), " "),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), None),
    ord("\u2028"): "\n",
}


class Text(msgspec.Struct, frozen=True):
    """A text in the form that the rest of the diagnosis reads.

    Attributes:
        plain: ASCII only; what is not ASCII stands as `?`.
        low: the same in lower case, position by position.
    """

    plain: str
    low: str


def unwrap(text: str) -> Text:
    """The plain text, of a long one the part around the first sign of a limit, else its beginning and its end."""
    if len(text) > WINDOW:
        text = _window(text)
    if not text.isascii():
        text = text.translate(_TYPOGRAPHY).encode("ascii", "replace").decode("ascii")
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    if '""' in text:
        text = text.replace('""', '"')  # CSV doubles quotes
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "%" in text:
        text = _PERCENT.sub(lambda found: _PERCENT_VALUES[found[1].lower()], text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: _ENTITY_VALUES[found[1]], text)
    if "[" in text:
        text = _without_marks(text)
    return Text(text, text.lower())


def line_at(low: str, position: int) -> tuple[int, int]:
    """Where the line at a position begins and ends."""
    end = low.find("\n", position)
    return low.rfind("\n", 0, position) + 1, len(low) if end < 0 else end


def on_one_line(text: Text) -> Text:
    """The text as it was before YAML or a terminal folded it between words."""
    plain = " ".join(text.plain.split())
    return Text(plain, plain.lower())


def without_breaks(text: Text) -> Text:
    """The text as it was before a terminal broke it inside words."""
    plain = text.plain.replace("\n", "")
    return Text(plain, plain.lower())


def _without_marks(text: str) -> str:
    """The text without a terminal's colours and without the addresses of Markdown's links."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    text = _BARE_COLOUR.sub("", text)
    return _LINK.sub(r"\1", text) if "](" in text else text


def _window(text: str) -> str:
    low = text.lower()
    first = min((place for place in map(low.find, _SIGNS) if place >= 0), default=-1)
    if first < 0:
        return f"{text[: WINDOW // 2]}\n{text[-WINDOW // 2 :]}"
    start = max(0, first - _BEFORE)
    return text[start : start + WINDOW]


def _unescaped(found: re.Match[str]) -> str:
    if found["same"]:
        return found["same"]
    if found["line"]:
        return "\n"
    if found["code"]:
        character = chr(int(found["code"], 16))
        return character if character.isascii() else "?"
    return "\x1b" if found["esc"] else " "
