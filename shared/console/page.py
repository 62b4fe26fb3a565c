"""The frame of every page: head, navigation, main part; and the headers without which no page leaves."""

import base64
import functools
import hashlib
from datetime import datetime
from importlib.resources import files
from typing import Final

import msgspec
from markupsafe import Markup

from shared.console.html import Child, el, stylesheet

ROOT: Final = "/api/console"
OVERVIEW: Final = f"{ROOT}/overview"
_NAVIGATION: Final = (
    ("Overview", "overview"),
    ("Incidents", "incidents"),
    ("Credentials", "credentials"),
    ("Channels", "channels"),
    ("Dead letters", "dead-letters"),
    ("Health", "health"),
)
_ICON: Final = (
    "data:image/svg+xml,%3Csvg%20xmlns%3D%22http%3A%2F%2Fwww.w3.org%2F2000%2Fsvg%22%20viewBox%3D%220%200%2016%2016%22%3E"
    "%3Cpath%20fill%3D%22%230b63b0%22%20d%3D%22M8%200l7%203v5c0%204-3%207-7%208-4-1-7-4-7-8V3z%22%2F%3E%3C%2Fsvg%3E"
)


class Page(msgspec.Struct, frozen=True):
    """What a page shows.

    Attributes:
        title: its heading, and the first words of the window's title.
        body: the main part below the heading.
        here: the part of the navigation that it belongs to.
        lead: what stands beside the heading.
        told: what has just been done, for the reader who did it.
    """

    title: str
    body: Child
    here: str = ""
    lead: Child = None
    told: str = ""
    status: int = 200


class Frame(msgspec.Struct, frozen=True):
    """What stands around a page.

    Attributes:
        visitor: the name of who looks, as far as it is known.
        token: the proof that a form comes from this visitor's own page; empty for who may change nothing.
        leaves: whether the visitor can sign out.
    """

    now: datetime | None = None
    visitor: str = ""
    token: str = ""
    leaves: bool = False
    is_inside: bool = True


def link(path: str, *words: Child, **attributes: str) -> Markup:
    """A link to another page of the console."""
    return el("a", *words, href=f"{ROOT}/{path}", **attributes)


def document(page: Page, frame: Frame) -> str:
    """A page with its frame."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{page.title} · Cachewarden"),
        el("link", rel="icon", href=_ICON),
        stylesheet(_sheet()),
    )
    main = el(
        "main",
        el("div", el("h1", page.title), page.lead, class_="title"),
        el("p", page.told, class_="told", role="status") if page.told else None,
        page.body,
        id="main",
        tabindex=-1,
    )
    body = el(
        "body", el("a", "Skip to the content", href="#main", class_="skip"), _header(page, frame), main, _footer(frame)
    )
    return Markup("<!doctype html>\n") + el("html", head, body, lang="en")


def headers() -> dict[str, str]:
    """What every page is sent with: kept nowhere, framed nowhere, running nothing, telling no other site."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{_sheet_hash()}'; img-src data:; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def section(heading: str, *children: Child, note: Child = None, id_: str = "") -> Markup:
    """A part of a page under its own heading."""
    name = id_ or "-".join(heading.lower().split())
    head = el("div", el("h2", heading, id=name), el("p", note) if note else None, class_="title")
    return el("section", head, *children, aria_labelledby=name)


def facts(*pairs: tuple[str, Child]) -> Markup:
    """Names and what they stand for; a pair without the latter is left out."""
    shown = [(name, text) for name, text in pairs if text not in (None, "", ())]
    return el("dl", [el("div", el("dt", name), el("dd", text)) for name, text in shown], class_="facts")


def table(
    caption: str, columns: tuple[str, ...], rows: list[tuple[Child, ...]], *, less: tuple[str, ...] = ()
) -> Markup:
    """A table that scrolls by itself where it is too wide; columns of `less` are left out on narrow screens."""
    narrow = {name: "wide" if name in less else None for name in columns}
    head = el("tr", [el("th", name, scope="col", class_=narrow[name]) for name in columns])
    lines = [
        el(
            "tr",
            [
                el("th", cell, scope="row") if index == 0 else el("td", cell, class_=narrow[name])
                for index, (name, cell) in enumerate(zip(columns, row, strict=True))
            ],
        )
        for row in rows
    ]
    parts = el("table", el("caption", caption), el("thead", head), el("tbody", lines))
    return el("div", parts, class_="scrolls", role="group", aria_label=caption, tabindex=0)


def _header(page: Page, frame: Frame) -> Markup:
    items = [
        el("li", link(path, name, aria_current="page") if path == page.here else link(path, name))
        for name, path in _NAVIGATION
    ]
    leave = el(
        "form", el("input", type="hidden", name="token", value=frame.token), el("button", "Sign out", class_="quiet"),
        method="post", action=f"{ROOT}/sign-out",
    )  # fmt: skip
    who = el("div", el("span", frame.visitor) if frame.visitor else None, leave if frame.leaves else None, class_="who")
    navigation = el("nav", el("ul", items), aria_label="Console") if frame.is_inside else None
    return el("header", el("a", "Cachewarden", href=OVERVIEW, class_="name"), navigation, who)


def _footer(frame: Frame) -> Markup:
    time = f"As of {frame.now:%Y-%m-%d %H:%M:%S} UTC. " if frame.now else ""
    return el("footer", el("p", f"{time}Opening a page changes nothing."))


@functools.cache
def _sheet() -> str:
    return files("shared.console").joinpath("console.css").read_text(encoding="utf-8")


@functools.cache
def _sheet_hash() -> str:
    return base64.b64encode(hashlib.sha256(_sheet().encode()).digest()).decode()
