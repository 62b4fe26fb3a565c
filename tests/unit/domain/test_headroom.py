"""Headroom: what the headers say, and when the window will be empty."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.headroom import Level, Reading, is_address, outlook, parse_limit

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def readings(*remaining: int | None, limit: int | None = 100) -> list[Reading]:
    """Readings twenty minutes apart."""
    return [
        Reading(at=NOON + timedelta(minutes=20 * number), limit=limit, remaining=left, window_s=21600)
        for number, left in enumerate(remaining)
    ]


class TestSource:
    """Whose window it is."""

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("192.0.2.1", True),
            ("2001:41d0:801:2000::", True),
            ("0f4f0e7a-3f0f-4d0e-9c0f-8a5f3f0c2b11", False),
            ("", False),
        ],
    )
    def test_an_address(self, source: str, *, expected: bool) -> None:
        """IPv4 and the first half of an IPv6 are addresses; an account's UUID is none."""
        assert is_address(source) is expected


class TestHeaders:
    """A missing number is unknown, never zero."""

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("100;w=21600", (100, 21600)),
            ("0;w=21600", (0, 21600)),
            ("200", (200, None)),
            (";w=21600", (None, 21600)),
            ("", (None, None)),
            (None, (None, None)),
            ("many;w=soon", (None, None)),
            ("-1;w=1", (None, 1)),
            ("²;w=1", (None, 1)),
        ],
    )
    def test_forms(self, header: str | None, expected: tuple[int | None, int | None]) -> None:
        """Each form that was seen, and some that were not."""
        assert expected == parse_limit(header)

    @given(st.text(max_size=50))
    def test_anything(self, header: str) -> None:
        """No header breaks it."""
        limit, window = parse_limit(header)
        assert (limit or 0) >= 0 <= (window or 0)


class TestOutlook:
    """What the readings mean."""

    def test_unknown(self) -> None:
        """No reading, no number, or the abuse limit: nobody can tell."""
        assert outlook([]).level is Level.UNKNOWN
        assert outlook(readings(None, limit=None)).level is Level.UNKNOWN
        assert outlook([Reading(at=NOON, refused=True, abuse=True)]).level is Level.UNKNOWN

    def test_exhausted(self) -> None:
        """Zero, or a look that was refused."""
        assert outlook(readings(0)).level is Level.EXHAUSTED
        assert outlook([Reading(at=NOON, refused=True)]).level is Level.EXHAUSTED

    def test_low(self) -> None:
        """A fifth of the limit is low, whatever the rate."""
        assert [outlook(readings(left)).level for left in (21, 20)] == [Level.ENOUGH, Level.LOW]

    def test_before_the_first_refusal(self) -> None:
        """Half of it is left, and it will be gone within the hour: that is low."""
        seen = outlook(readings(100, 75, 50))

        assert seen.level is Level.LOW
        assert seen.empty_at == NOON + timedelta(minutes=80)
        assert seen.uncertainty == timedelta(0)

    def test_uncertain(self) -> None:
        """The worse the readings lie on a line, the less certain the forecast."""
        assert outlook(readings(100, 80, 50)).uncertainty > timedelta(0)

    def test_no_forecast(self) -> None:
        """Two readings make no rate, rising ones no end."""
        assert outlook(readings(100, 90)).empty_at is None
        assert outlook(readings(80, 85, 90)).empty_at is None
        assert outlook(readings(90, 90, 90)).empty_at is None
