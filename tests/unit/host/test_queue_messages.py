"""Message texts, what outputs become, how polls are spaced, when a failure is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.host.backoff import PollingBackoff
from sandbox.host.messages import RpcRetryOptions, TypedData
from sandbox.host.queue_messages import MessageCodec, UndecodableMessage, message_bodies
from sandbox.host.queue_processor import poison_queue_name
from sandbox.host.retries import may_retry, retry_delay


class TestCodec:
    """The message encoding."""

    @given(st.binary())
    def test_base64_round_trip(self, body: bytes) -> None:
        """Any bytes survive base64."""
        codec = MessageCodec(base64=True)

        assert codec.decode(codec.encode(body)) == body

    @given(st.text())
    def test_plain_round_trip(self, text: str) -> None:
        """Without encoding a text is itself."""
        codec = MessageCodec(base64=False)

        assert codec.encode(text.encode()) == text
        assert codec.decode(text) == text.encode()

    @pytest.mark.parametrize("text", ["plain text", "YQ=", "Yü==", "{}"])
    def test_undecodable(self, text: str) -> None:
        """What is not base64 is not guessed at."""
        with pytest.raises(UndecodableMessage):
            MessageCodec(base64=True).decode(text)

    def test_white_space_is_ignored(self) -> None:
        """Line breaks in base64 are accepted, as by .NET."""
        assert MessageCodec(base64=True).decode("YW\r\nJj ") == b"abc"


class TestOutputs:
    """What a value of a queue output becomes."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (TypedData(string="a"), [b"a"]),
            (TypedData(string=""), [b""]),
            (TypedData(bytes=b"\xff"), [b"\xff"]),
            (TypedData(json='["a", "b"]'), [b"a", b"b"]),
            (TypedData(json='[{"id": 1, "body": "b"}]'), [b'{"id":1,"body":"b"}']),
            (TypedData(json='{"a": 1}'), [b'{"a":1}']),
            (TypedData(json="[]"), []),
            (TypedData(int=3), [b"3"]),
            (TypedData(), []),
        ],
    )
    def test_bodies(self, value: TypedData, expected: list[bytes]) -> None:
        """A list is one message an element; objects are sent as JSON."""
        assert message_bodies(value) == expected


class TestBackoff:
    """Polls of an empty queue."""

    def test_grows_to_the_limit_and_starts_again(self) -> None:
        """From 100 ms by powers of two with 20 % jitter to the limit; a found message starts it again."""
        backoff = PollingBackoff(timedelta(seconds=2))
        waits = [backoff.next().total_seconds() for _ in range(8)]

        assert waits[0] == 0.1
        for exponent, wait in enumerate(waits[1:5]):
            assert 0.1 + 0.8 * 0.1 * 2**exponent <= wait <= 0.1 + 1.2 * 0.1 * 2**exponent
        assert waits[6:] == [2.0, 2.0]
        backoff.reset()
        assert backoff.next().total_seconds() == 0.1

    def test_never_above_the_limit(self) -> None:
        """A limit of 100 ms holds from the first poll on."""
        backoff = PollingBackoff(timedelta(milliseconds=100))

        assert {backoff.next() for _ in range(40)} == {timedelta(milliseconds=100)}


class TestRetries:
    """Retry policies of functions."""

    def test_count(self) -> None:
        """A policy allows so many retries, -1 any number, no policy none."""
        three, forever = RpcRetryOptions(3, "fixed_delay"), RpcRetryOptions(-1, "fixed_delay")

        assert [may_retry(three, count) for count in (0, 2, 3)] == [True, True, False]
        assert may_retry(forever, 1_000_000)
        assert not may_retry(None, 0)

    def test_fixed(self) -> None:
        """A fixed delay is the same before every retry."""
        policy = RpcRetryOptions(3, "fixed_delay", delay_interval=timedelta(seconds=4))

        assert {retry_delay(policy, retry) for retry in (1, 2, 9)} == {timedelta(seconds=4)}

    @given(st.integers(1, 100_000))
    def test_exponential_stays_between_its_bounds(self, retry: int) -> None:
        """However many retries, the delay is between the policy's bounds."""
        low, high = timedelta(seconds=2), timedelta(minutes=1)
        policy = RpcRetryOptions(-1, "exponential_backoff", minimum_interval=low, maximum_interval=high)

        assert low <= retry_delay(policy, retry) <= high


@pytest.mark.parametrize(
    ("queue", "expected"),
    [("work", "work-poison"), ("work-poison", None), ("q" * 56, "q" * 56 + "-poison"), ("q" * 57, None)],
)
def test_poison_queue(queue: str, expected: str | None) -> None:
    """A queue has a poison queue unless it is one, or the name would be too long."""
    assert poison_queue_name(queue) == expected
