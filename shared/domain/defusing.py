"""Text from logs on its way to people: made harmless before any channel dresses it.

Whoever can fail to pull an image writes part of our messages. Here links stop being links, mentions stop calling
people, and characters that hide or turn text around disappear; what a syntax needs besides is done where the
target's payload is made, which is mostly by using elements that have no syntax at all.
"""

import re
import unicodedata

_SCHEME = re.compile(r"(?<=[A-Za-z0-9+.-]):(?=//)")
_SCHEMES_WITHOUT_SLASHES = re.compile(r"\b(javascript|vbscript|mailto):", re.IGNORECASE)
_WWW = re.compile(r"\bwww\.(?=\w)", re.IGNORECASE)
_MENTION = re.compile(r"@(?!sha256:|sha512:)(?=\w)")
_CALL = re.compile(r"<(?=[!@#&]|users/)")
"""How Slack, Discord and Google Chat write a call for people, a role or a channel in plain text (documented)."""

_MARKDOWN_LINK = re.compile(r"\](?=[(\[])")
_JOINER = "\u2060"
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_KEPT = frozenset({"\n", _JOINER})


def defused(text: str) -> str:
    """The text with dead links and mentions and without hidden characters; line breaks stay, digests stay as they are.

    `https://a.b` becomes `https[:]//a.b`, and `@channel` gets an invisible character behind its `@`. Doing it twice
    changes nothing more.
    """
    seen = without_hidden(text).replace(_JOINER, "")
    seen = _SCHEME.sub("[:]", seen)
    seen = _SCHEMES_WITHOUT_SLASHES.sub(r"\1[:]", seen)
    seen = _WWW.sub("www[.]", seen)
    seen = _CALL.sub(f"<{_JOINER}", seen)
    seen = _MARKDOWN_LINK.sub(f"]{_JOINER}", seen)
    return _MENTION.sub(f"@{_JOINER}", seen)


def without_hidden(text: str) -> str:
    """The text with blanks for characters that can't be seen, hide others or turn text around; line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in _KEPT or unicodedata.category(c) not in _HIDDEN else " " for c in text)


def one_line(text: str, longest: int) -> str:
    """The defused text on one line of at most `longest` characters."""
    line = " ".join(defused(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def several_lines(text: str, longest: int) -> str:
    """The defused text with its line breaks and indentation, at most `longest` characters."""
    lines = "\n".join(line.rstrip() for line in defused(text).split("\n")).strip("\n")
    return lines if len(lines) <= longest else lines[: longest - 1] + "…"


def as_mrkdwn(text: str) -> str:
    """Defused text for a field that Slack reads as mrkdwn: its three control characters as entities (documented)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
