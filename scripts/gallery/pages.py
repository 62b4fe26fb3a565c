"""The pages that are photographed: cards through Microsoft's renderer, Slack's blocks and e-mail as plain HTML.

Teams and Slack themselves can't be had here. The cards' renderer is theirs and its colours are ours, close to Teams';
Slack's look is drawn by hand from the blocks that it would get.
"""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from shared.adapters.channels import longtail, slack, teams
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notice_links import Places
from shared.domain.telling import message_of

_PLACES: Final = Places(app="https://cachewarden.example")
_LIGHT: Final = {"page": "#f5f5f5", "default": "#ffffff", "text": "#242424", "emphasis": "#f0f0f0", "good": "#e7f2da",
                 "warning": "#fbf6d9", "attention": "#fcf4f6"}  # fmt: skip
_DARK: Final = {"page": "#1f1f1f", "default": "#292929", "text": "#ffffff", "emphasis": "#1f1f1f", "good": "#052505",
                "warning": "#4a3b00", "attention": "#3f1011"}  # fmt: skip
_SIZES: Final = {
    "fontSizes": {"small": 12, "default": 14, "medium": 14, "large": 18, "extraLarge": 24},
    "fontWeights": {"lighter": 200, "default": 400, "bolder": 600},
}
_STYLE: Final = """
body{margin:16px;columns:3;column-gap:16px;width:2000px;font:14px 'Segoe UI','DejaVu Sans',sans-serif}
.box{break-inside:avoid;margin-bottom:16px;border-radius:6px;overflow:hidden;box-shadow:0 1px 4px #0006}
.kind{font:12px monospace;padding:4px 12px;opacity:.6}
.mail,.slack{background:#fff;padding:12px 16px}
pre{white-space:pre-wrap;background:#f4f4f4;border:1px solid #ddd;padding:8px;font:12px 'DejaVu Sans Mono',monospace}
button{background:transparent;color:inherit;border:1px solid #888;border-radius:4px;padding:5px 12px}
"""
_DRAW: Final = """
const host = new AdaptiveCards.HostConfig(HOST);
for (const [kind, payload] of CARDS) {
  const card = new AdaptiveCards.AdaptiveCard();
  const found = new AdaptiveCards.SerializationContext(new AdaptiveCards.Version(1, 4));
  card.hostConfig = host;
  card.parse(payload, found);
  const box = document.createElement("div"), name = document.createElement("div");
  box.className = "box"; name.className = "kind"; name.textContent = kind;
  box.append(name, card.render());
  document.body.append(box);
  const wrong = found.eventCount + card.validateProperties().validationEvents.length;
  document.body.dataset.wrong = Number(document.body.dataset.wrong || 0) + wrong;
}
"""


def pages(renderer: str) -> Mapping[str, str]:
    """Name → page; `renderer` is the address of adaptivecards.min.js."""
    return {
        "teams-light": _teams(renderer, _LIGHT),
        "teams-dark": _teams(renderer, _DARK),
        "slack": _page("#fff", "".join(_slack(kind) for kind in NoticeKind)),
        "mail": _page("#eee", "".join(_mail(kind) for kind in NoticeKind)),
    }


def _page(background: str, body: str) -> str:
    # The height goes where `chromium --dump-dom` finds it.
    height = "<script>document.body.dataset.height = document.body.scrollHeight + 32</script>"
    head = f"<meta charset=utf-8><style>{_STYLE}body{{background:{background}}}</style>"
    return f"<!doctype html><html><head>{head}</head><body>{body}{height}</body></html>"


def _teams(renderer: str, colours: Mapping[str, str]) -> str:
    styles = {
        style: {
            "backgroundColor": colours[style],
            "foregroundColors": {"default": {"default": colours["text"], "subtle": colours["text"]}},
        }
        for style in ("default", "emphasis", "good", "warning", "attention")
    }
    host = {
        "fontFamily": "Segoe UI, DejaVu Sans, sans-serif",
        "fontTypes": {
            "default": {"fontFamily": "Segoe UI, DejaVu Sans, sans-serif", **_SIZES},
            "monospace": {"fontFamily": "Consolas, DejaVu Sans Mono, monospace", **_SIZES},
        },
        "supportsInteractivity": True,
        "containerStyles": styles,
        "spacing": {"small": 8, "default": 12, "medium": 16, "large": 20, "extraLarge": 24, "padding": 16},
        "actions": {"maxActions": 6, "actionsOrientation": "horizontal", "actionAlignment": "left"},
    }
    cards = [(kind, _document(teams.payload(example(kind), _PLACES))) for kind in NoticeKind]
    contents = [(kind, document["attachments"][0]["content"]) for kind, document in cards]
    draw = _DRAW.replace("HOST", _script(host), 1).replace("CARDS", _script(contents), 1)
    style = f"<style>.box{{background:{colours['default']};color:{colours['text']}}}</style>"
    return _page(colours["page"], f'{style}<script src="{html.escape(renderer)}"></script><script>{draw}</script>')


def _slack(kind: NoticeKind) -> str:
    blocks = _document(slack.payload(example(kind), _PLACES))["blocks"]
    return _box(kind, "slack", "".join(_block(block) for block in blocks))


def _block(block: Mapping[str, Any]) -> str:
    if block["type"] == "header":
        return f"<h3>{html.escape(block['text']['text'])}</h3>"
    return "".join(_rich(element) for element in block["elements"])


def _rich(element: Mapping[str, Any]) -> str:
    inner = "".join(_inline(each) for each in element["elements"])
    return f"<pre>{inner}</pre>" if element["type"] == "rich_text_preformatted" else f"<div>{inner}</div>"


def _inline(element: Mapping[str, Any]) -> str:
    if element["type"] == "emoji":
        colour = element["name"].removeprefix("large_").removesuffix("_circle")
        return f'<span style="color:{html.escape(colour)}">●</span>'
    text = html.escape(element["text"])
    if element["type"] == "link":
        return f'<a href="{html.escape(element["url"])}">{text}</a>'
    return f"<b>{text}</b>" if element.get("style") else text


def _mail(kind: NoticeKind) -> str:
    message = message_of(example(kind), _PLACES)
    title, text = html.escape(message.title), html.escape(longtail.text_of(message))
    return _box(kind, "mail", f'<b>{title}</b><p style="white-space:pre-wrap">{text}</p>')


def _box(kind: NoticeKind, look: str, body: str) -> str:
    return f'<div class="box"><div class="kind">{kind}</div><div class="{look}">{body}</div></div>'


def _document(payload: bytes) -> Any:
    return msgspec.json.decode(payload)


def _script(document: Any) -> str:
    return json.dumps(document).replace("</", "<\\/")


def problems(dom: str) -> Iterator[str]:
    """What the renderer complains of, in a page as it is after it was drawn."""
    wrong = dom.partition('data-wrong="')[2].partition('"')[0]
    if wrong not in {"", "0"}:
        yield f"the renderer finds {wrong} mistakes in the cards"
    if "data-height" not in dom:
        yield "the page was not drawn to its end"
