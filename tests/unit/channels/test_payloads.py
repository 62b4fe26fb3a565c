"""What Teams and Slack are sent: only what we mean to use of their forms, and harmless, whatever a log says."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.channels import longtail, slack, teams
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notice_links import Places
from shared.domain.notices import HandOff, Notice
from shared.domain.telling import message_of

PLACES = Places(app="https://cachewarden.example", portal="https://portal.azure.com")
OURS = ("https://cachewarden.example/", "https://portal.azure.com/")

_RUN = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "TextRun"},
        "text": {"type": "string"},
        "weight": {"enum": ["Lighter", "Default", "Bolder"]},
        "size": {"enum": ["Small", "Default", "Medium", "Large", "ExtraLarge"]},
        "fontType": {"enum": ["Default", "Monospace"]},
    },
}
_BLOCK = {
    "type": "object",
    "required": ["type", "inlines"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "RichTextBlock"},
        "spacing": {"enum": ["None", "Small", "Default", "Medium", "Large", "ExtraLarge", "Padding"]},
        "inlines": {"type": "array", "minItems": 1, "items": _RUN},
    },
}
TEAMS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "attachments"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": {
                        "type": "object",
                        "required": ["type", "version", "body"],
                        "additionalProperties": False,
                        "properties": {
                            "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
                            "type": {"const": "AdaptiveCard"},
                            "version": {"enum": ["1.2", "1.3", "1.4"]},
                            "msteams": {"const": {"width": "Full"}},
                            "fallbackText": {"type": "string"},
                            "body": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "anyOf": [
                                        _BLOCK,
                                        {
                                            "type": "object",
                                            "required": ["type", "items"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "type": {"const": "Container"},
                                                "style": {"enum": ["emphasis", "good", "attention", "warning"]},
                                                "spacing": {"type": "string"},
                                                "bleed": {"type": "boolean"},
                                                "items": {"type": "array", "items": _BLOCK},
                                            },
                                        },
                                    ]
                                },
                            },
                            "actions": {
                                "type": "array",
                                "maxItems": 6,
                                "items": {
                                    "type": "object",
                                    "required": ["type", "url"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "type": {"const": "Action.OpenUrl"},
                                        "title": {"type": "string"},
                                        "url": {"pattern": "^https://"},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What we use of the message and of Adaptive Cards 1.4, and nothing beyond; `test_published` has Microsoft's own."""

_SLACK_INLINE = {
    "anyOf": [
        {
            "required": ["type", "text"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "text"},
                "text": {"type": "string", "minLength": 1, "maxLength": 3000},
                "style": {"const": {"bold": True}},
            },
        },
        {
            "required": ["type", "name"],
            "additionalProperties": False,
            "properties": {"type": {"const": "emoji"}, "name": {"pattern": "^[a-z_]+$"}},
        },
        {
            "required": ["type", "url", "text"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "link"},
                "text": {"type": "string"},
                "url": {"pattern": "^https://(cachewarden.example|portal.azure.com)/"},
            },
        },
    ]
}
SLACK_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "blocks"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "maxLength": 3000},
        "mrkdwn": {"const": False},
        "unfurl_links": {"const": False},
        "unfurl_media": {"const": False},
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "anyOf": [
                    {
                        "required": ["type", "text"],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"const": "header"},
                            "text": {
                                "required": ["type", "text"],
                                "properties": {
                                    "type": {"const": "plain_text"},
                                    "text": {"type": "string", "minLength": 1, "maxLength": 150},
                                    "emoji": {"const": False},
                                },
                            },
                        },
                    },
                    {
                        "required": ["type", "elements"],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"const": "rich_text"},
                            "elements": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "required": ["type", "elements"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "type": {"enum": ["rich_text_section", "rich_text_preformatted"]},
                                        "elements": {"type": "array", "minItems": 1, "items": _SLACK_INLINE},
                                    },
                                },
                            },
                        },
                    },
                ]
            },
        },
    },
}
"""What we use of header and rich text blocks, and nothing beyond; `test_published` has Slack's own."""

HOSTILE = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            [
                "<!channel>", "<@U024BE7LH>", "@everyone", "<at>Bob</at>", "[click](https://evil.example)", "\n", " ",
                "https://evil.example/x", "JavaScript:alert(1)", "<script>", "![x](http://e/1.png)", "```", "\u202e",
                "\x00", "mailto:a@b.c", "www.evil.example", "<https://evil.example|ok>", "${{x}}", "&lt;", "\ud7ff",
                "ftp://e", ":", "//", "http", "\u2060", "\u200b", "<users/all>", "<@&1>", "<#C1>",
            ]
        ),
        max_size=30,
    ).map("".join),
)  # fmt: skip


def notice_with(text: str, kind: NoticeKind = NoticeKind.INCIDENT_FAILED) -> Notice:
    """A notice in which whoever writes logs has written everything."""
    return Notice(
        id="0" * 32,
        kind=kind,
        subject="incidents/0123456789ab-0123456789abcdef",
        severity=Severity.CRITICAL,
        summary=text,
        at=datetime(2026, 11, 24, tzinfo=UTC),
        registry_id="/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso",
        source=text,
        cause=text,
        reason=text,
        detail=text,
        rule=text,
        workloads=(text, text),
        facts={text: text},
        next_step=text,
    )


def strings_in(document: Any) -> Iterator[str]:
    """Every string value in a document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from strings_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings_in(value)


def assert_harmless(document: Any) -> None:
    """No live link but ours, no live mention, no hidden character."""
    for text in strings_in(document):
        if text.startswith((*OURS, "http://adaptivecards.io/")):
            continue
        assert not re.search(r"[A-Za-z0-9+.-]://", text), text
        assert not re.search(r"(?i)\b(javascript|mailto):|\bwww\.\w", text), text
        assert not re.search(r"@(?!sha256:|sha512:)\w", text), text
        assert "](" not in text, text
        assert not re.search("<[!@#&]|<users/", text), text
        assert not set(text) & set("\u202e\x00\u200b"), text


class TestTeams:
    """Adaptive Cards."""

    @pytest.mark.parametrize("kind", NoticeKind)
    def test_every_kind_is_a_card_of_our_form(self, kind: NoticeKind) -> None:
        """Version 1.4 at most, in the message's envelope, within 28 KB."""
        body = teams.payload(example(kind), PLACES)

        jsonschema.validate(msgspec.json.decode(body), TEAMS_SCHEMA)
        assert len(body) <= 28 * 1024

    @given(HOSTILE)
    def test_hostile_text_is_shown_and_does_nothing(self, text: str) -> None:
        """All of it stands in text runs, which know no syntax, and is defused besides."""
        document = msgspec.json.decode(teams.payload(notice_with(text), PLACES))

        jsonschema.validate(document, TEAMS_SCHEMA)
        assert_harmless(document)

    def test_too_many_lines_to_copy_are_left_out_before_the_facts(self) -> None:
        """The card fits, and still says what happened and where to look."""
        many = tuple(
            HandOff(
                f"docker.io/library/app{number}:{'x' * 120}",
                f"contoso.azurecr.io/docker-hub/library/app{number}:{'x' * 120}",
                commands=tuple(f"kubectl set image deployment/web-{line}-{'y' * 1500}" for line in range(9)),
            )
            for number in range(9)
        )
        notice = msgspec.structs.replace(example(NoticeKind.INCIDENT_VERIFIED), hand_off=many)

        body = teams.payload(notice, PLACES)

        assert len(body) <= 28 * 1024
        [attachment] = msgspec.json.decode(body)["attachments"]
        assert notice.summary in set(strings_in(attachment["content"]))
        assert len(attachment["content"]["actions"]) == 2

    def test_a_question_leads_to_the_console_and_never_answers_by_itself(self) -> None:
        """The incident stands behind a `#`, which a browser doesn't send."""
        [attachment] = msgspec.json.decode(
            teams.payload(example(NoticeKind.INCIDENT_AWAITING_APPROVAL), PLACES)
        )["attachments"]  # fmt: skip
        first = attachment["content"]["actions"][0]

        assert first["title"] == "Decide on the console"
        assert re.fullmatch(r"https://cachewarden\.example/api/console/incidents/[0-9a-f-]+", first["url"])


class TestSlack:
    """Block Kit."""

    @pytest.mark.parametrize("kind", NoticeKind)
    def test_every_kind_has_our_form(self, kind: NoticeKind) -> None:
        """Blocks that Slack knows, within its limits, and links of ours alone."""
        document = msgspec.json.decode(slack.payload(example(kind), PLACES))

        jsonschema.validate(document, SLACK_SCHEMA)

    @given(HOSTILE)
    def test_hostile_text_is_shown_and_does_nothing(self, text: str) -> None:
        """No call to the channel, no link, no formatting; the text for phones is escaped for mrkdwn."""
        document = msgspec.json.decode(slack.payload(notice_with(text), PLACES))

        jsonschema.validate(document, SLACK_SCHEMA)
        assert_harmless(document)
        assert not set(document["text"]) & {"<", ">"}

    def test_lines_to_copy_keep_their_indentation(self) -> None:
        """YAML is nothing without it."""
        notice = example(NoticeKind.INCIDENT_VERIFIED)
        texts = set(strings_in(msgspec.json.decode(slack.payload(notice, PLACES))))

        assert {notice.hand_off[0].kustomize, notice.hand_off[0].helm, *notice.hand_off[0].commands} <= texts


class TestLongTail:
    """Plain text, which services of Apprise put into forms of their own."""

    @given(HOSTILE)
    def test_hostile_text_is_shown_and_does_nothing(self, text: str) -> None:
        """Some of them read Markdown, or the calls of Slack and Discord, in plain text: none is left in it."""
        message = msgspec.structs.replace(message_of(notice_with(text), PLACES), links=())

        assert_harmless(longtail.text_of(message))
        assert_harmless(message.title)
