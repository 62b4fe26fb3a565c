"""The receivers' refusals.

Slack's codes are documented at https://api.slack.com/messaging/webhooks; what a Teams workflow says to a bad message is
not, so the harsher reading is taken: it refuses at once what would fail only later, out of the sender's sight.
"""

from sandbox.frame.service import Refusal


class NoSuchWebhook(Refusal):
    """Nobody receives at this address."""

    status = 404
    code = "no_service"
    text = "no_service"


class SlackInvalidPayload(Refusal):
    """Slack cannot read the body."""

    code = "invalid_payload"
    text = "invalid_payload"


class SlackNoText(Refusal):
    """Slack's message has neither text nor blocks nor attachments."""

    code = "no_text"
    text = "no_text"


class SlackInvalidBlocks(Refusal):
    """Slack's message has more than 50 blocks, or blocks that are none."""

    code = "invalid_blocks"
    text = "invalid_blocks"


class TeamsBadMessage(Refusal):
    """The message is no `message` with Adaptive Cards of version 1.4 at most."""

    code = "TriggerInputSchemaMismatch"
    text = "The input body for trigger 'manual' of type 'Request' did not match its schema definition: {detail}"
    guessed = True


class TeamsTooLarge(Refusal):
    """The message exceeds Teams' 28 KB."""

    status = 413
    code = "RequestEntityTooLarge"
    text = "Message size {size} bytes exceeds the limit of 28672 bytes."
    guessed = True
