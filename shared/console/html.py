"""HTML as values: an element is made by a call, and text can't become markup on the way.

Whatever is put into an element is escaped, and loses the characters that hide or turn text around, unless it was made
here. What could run or send something by itself (scripts, event handlers, styles, addresses of other schemes) is not
made at all, so a page that holds some is an error and not a hole.
"""

import re
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

from shared.domain.defusing import without_hidden

type Child = Markup | str | int | Iterable["Child"] | None
type Value = str | int | bool | None

_VOID: Final = frozenset({"input", "link", "meta", "wbr"})
_BLOCKS: Final = frozenset(
    {"body", "details", "div", "footer", "form", "head", "header", "html", "main", "nav", "section", "summary", "title"}
)
_TEXTS: Final = frozenset({"a", "code", "dd", "dl", "dt", "h1", "h2", "h3", "li", "ol", "p", "pre", "small", "span"})
_MORE_TEXTS: Final = frozenset({"strong", "style", "time", "ul"})
_TABLES: Final = frozenset({"caption", "table", "tbody", "td", "th", "thead", "tr"})
_FIELDS: Final = frozenset({"button", "label", "option", "select", "textarea"})
_DRAWINGS: Final = frozenset({"line", "path", "svg"})
_TAGS: Final = _VOID | _BLOCKS | _TEXTS | _MORE_TEXTS | _TABLES | _FIELDS | _DRAWINGS
_ATTRIBUTE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")
_ADDRESSES: Final = frozenset({"href", "action", "formaction", "src"})
_SAFE_ADDRESS: Final = re.compile(r"(?:/(?!/)|#|https://[a-z0-9])[^\s\\]*|data:image/svg\+xml,[A-Za-z0-9%._-]*")


class Unsafe(ValueError):
    """A page holds what a page of the console never holds."""


def el(tag: str, *children: Child, **attributes: Value) -> Markup:
    """An element.

    Args:
        tag: its name.
        children: texts, elements, None for nothing, or lists of them.
        attributes: `class_` is class, `aria_label` is aria-label; True is an attribute without a value, False and None
            are none.

    Raises:
        Unsafe: an element, attribute or address that is not made here.
    """
    if tag not in _TAGS:
        raise Unsafe(f"the element {tag}")
    opened = Markup("<") + Markup(tag) + joined(_attribute(*item) for item in attributes.items()) + Markup(">")  # noqa: S704 - a tag of the list above
    if tag in _VOID:
        return opened
    return opened + joined(children) + Markup("</") + Markup(tag) + Markup(">")  # noqa: S704 - the same


def joined(children: Child) -> Markup:
    """Children one after the other, without an element around them."""
    if children is None:
        return Markup()
    if isinstance(children, Markup):
        return children
    if isinstance(children, str | int):
        return escape(without_hidden(str(children)))
    return Markup().join(joined(child) for child in children)


def breakable(name: str) -> Markup:
    """A name with slashes, which may be broken behind each of them."""
    first, *rest = name.split("/")
    return joined([first, *([joined(["/", el("wbr"), part]) for part in rest])])


def stylesheet(text: str) -> Markup:
    """A `style` element of our own sheet, which the page's policy names by its hash."""
    if "<" in text:
        raise Unsafe("a style sheet with markup in it")
    return el("style", Markup(text))  # noqa: S704 - our own file, see above


def _attribute(name: str, value: Value) -> Markup:
    if value is None or value is False:
        return Markup()
    written = name.rstrip("_").replace("_", "-")
    if not _ATTRIBUTE.fullmatch(written) or written.lower().startswith("on") or written in {"style", "srcdoc"}:
        raise Unsafe(f"the attribute {written}")
    if value is True:
        return Markup(" ") + Markup(written)  # noqa: S704 - of the pattern above
    text = without_hidden(str(value))
    if written in _ADDRESSES and not _SAFE_ADDRESS.fullmatch(text):
        raise Unsafe(f"an address in {written}")
    return Markup(' {}="{}"').format(written, text)
