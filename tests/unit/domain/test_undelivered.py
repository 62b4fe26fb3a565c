"""Event Grid's dead-letter files as anybody may write them: events with bounded words, or one clear error."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.dead_letters import Failure
from shared.domain.undelivered import LettersUnreadable, read_letters
from tests.support import shared_data

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
FIELDS = ("deadLetterReason", "deliveryAttempts", "lastDeliveryOutcome", "publishTime", "lastDeliveryAttemptTime")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


class TestReading:
    """`read_letters`."""

    @given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANYTHING)), max_size=3))
    def test_whatever_stands_beside_the_event(self, events: list[dict[str, Any]]) -> None:
        """Its words are words, its numbers small, its times times; and reading twice says the same."""
        body = json.dumps(events).encode() if _is_json(events) else b"[]"
        letters = read_letters(body, NOW, largest=10**6)
        assert letters == read_letters(body, NOW, largest=10**6)
        for letter in letters:
            assert len(letter.failure.code) <= 80
            assert len(letter.failure.text) <= 200
            assert 0 <= letter.failure.attempt <= 1000
            assert letter.failure.at.tzinfo is not None

    @given(st.binary(max_size=60))
    def test_whatever_a_file_holds(self, body: bytes) -> None:
        """No other error."""
        try:
            read_letters(body, NOW, largest=50)
        except LettersUnreadable:
            return
        assert len(body) <= 50

    def test_microsofts_own_sample(self) -> None:
        """A single event without an array."""
        sample = shared_data("alerts/eventgrid/deadletter.eventgrid.json")
        [letter] = read_letters(json.dumps(sample).encode(), NOW, largest=10**6)
        assert (letter.failure.code, letter.failure.attempt) == ("MaxDeliveryAttemptsExceeded", 1)
        assert letter.failure.text.endswith("ended with NotFound.")
        assert letter.failure.at.isoformat() == "2020-08-13T17:18:14.046579+00:00"

    @pytest.mark.parametrize("reason", ["<script>", "x" * 81, "", None, 7, ["TimeToLiveExceeded"]])
    def test_a_reason_that_is_none(self, reason: Any) -> None:
        """It is not shown."""
        body = json.dumps([{"deadLetterReason": reason}]).encode()
        [letter] = read_letters(body, NOW, largest=10**6)
        assert letter.failure.code == "unknown"

    @pytest.mark.parametrize("attempts", [True, "30", -1, 1001, 1.5, None])
    def test_a_number_of_attempts_that_is_none(self, attempts: Any) -> None:
        """It is not known; and what is made of it can be stored and read again."""
        body = json.dumps([{"deliveryAttempts": attempts}]).encode()
        [letter] = read_letters(body, NOW, largest=10**6)
        assert letter.failure.attempt == 0
        assert msgspec.json.decode(msgspec.json.encode(letter.failure), type=Failure) == letter.failure

    @pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    def test_a_time_off_the_calendar(self, time: str) -> None:
        """It is none: in UTC, as it is shown, there is no such time."""
        body = json.dumps([{"lastDeliveryAttemptTime": time}]).encode()
        [letter] = read_letters(body, NOW, largest=10**6)
        assert letter.failure.at == NOW

    def test_more_events_than_a_batch_has(self) -> None:
        """A small file can hold hours of work."""
        assert len(read_letters(b"[" + b"{}," * 4999 + b"{}]", NOW, largest=10**6)) == 5000
        with pytest.raises(LettersUnreadable, match="5001 events"):
            read_letters(b"[" + b"{}," * 5000 + b"{}]", NOW, largest=10**6)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
