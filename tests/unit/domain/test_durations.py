"""Durations as a policy writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.durations import format_duration, parse_duration


class TestDurations:
    """One number, one unit."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("30d", timedelta(days=30)),
            ("4h", timedelta(hours=4)),
            ("90m", timedelta(minutes=90)),
            ("2w", timedelta(weeks=2)),
            ("7s", timedelta(seconds=7)),
        ],
    )
    def test_reads(self, text: str, expected: timedelta) -> None:
        """Weeks, days, hours, minutes, seconds."""
        assert expected == parse_duration(text)

    @pytest.mark.parametrize(
        "text", ["", "30", "d", "0d", "-1d", "1.5h", "30 d", "30d\n", "P1D", "1d2h", "1D", "100000s"]
    )
    def test_refuses(self, text: str) -> None:
        """Everything else, none and too much included."""
        with pytest.raises(ValueError, match="30d"):
            parse_duration(text)

    @given(st.integers(1, 99_999), st.sampled_from("wdhms"))
    def test_is_read_back(self, number: int, unit: str) -> None:
        """What is written means what was read."""
        duration = parse_duration(f"{number}{unit}")

        assert duration == parse_duration(format_duration(duration))
