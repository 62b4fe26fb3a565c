"""NCRONTAB, checked against its definition second by second and against what the real host accepts."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.host.ncrontab import Crontab, parse_crontab

BERLIN = ZoneInfo("Europe/Berlin")


def moment(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestNext:
    """The next occurrence."""

    @pytest.mark.parametrize(
        ("expression", "after", "expected"),
        [
            ("0 */5 * * * *", "2026-11-24 03:00:00", "2026-11-24 03:05:00"),
            ("0 */5 * * * *", "2026-11-24 03:04:59", "2026-11-24 03:05:00"),
            ("*/5 * * * *", "2026-11-24 03:01:00", "2026-11-24 03:05:00"),
            ("30 59 23 31 12 *", "2026-01-01 00:00:00", "2026-12-31 23:59:30"),
            ("0 0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00:00"),
            ("0 0 0 29 2 *", "2096-03-01 00:00:00", "2104-02-29 00:00:00"),
            ("0 0 9 * * MON", "2026-11-24 03:00:00", "2026-11-30 09:00:00"),
            ("0 0 9 * * mon-fri", "2026-11-27 10:00:00", "2026-11-30 09:00:00"),
            ("0 0 9 * Dec sunday", "2026-11-24 03:00:00", "2026-12-06 09:00:00"),
            ("0 10/20 * * * *", "2026-11-24 03:31:00", "2026-11-24 03:50:00"),
            ("0 0 5-3 * * *", "2026-11-24 03:30:00", "2026-11-24 04:00:00"),
        ],
    )
    def test_examples(self, expression: str, after: str, expected: str) -> None:
        """Steps, ranges (reversed ones too), names, leap days and five fields."""
        assert parse_crontab(expression).next_after(moment(after), UTC) == moment(expected)

    def test_both_day_fields_must_match(self) -> None:
        """The 13th that is a Friday: cron would fire on each 13th and on each Friday."""
        found = parse_crontab("0 0 0 13 * 5").next_after(moment("2026-11-24 00:00:00"), UTC)

        assert found == moment("2027-08-13 00:00:00")

    def test_never(self) -> None:
        """A day that no month has is an error instead of an endless search."""
        with pytest.raises(ValueError, match="never occurs"):
            parse_crontab("0 0 0 31 2 *").next_after(moment("2026-01-01 00:00:00"), UTC)

    @given(
        st.lists(st.sampled_from(["*", "*/7", "0", "3-20/4", "10/25", "5,40"]), min_size=2, max_size=2),
        st.sampled_from(["*", "3", "0-4", "*/6"]),
        st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - made aware below
    )
    def test_agrees_with_a_search_by_seconds(self, fields: list[str], hour: str, after: datetime) -> None:
        """The result is the first second after the moment whose every field is allowed."""
        crontab = parse_crontab(f"{fields[0]} {fields[1]} {hour} * * *")
        start = after.replace(tzinfo=UTC)
        found = crontab.next_after(start, UTC)

        second = start.replace(microsecond=0) + timedelta(seconds=1)
        step = timedelta(seconds=1)
        limit = min(found, second + 20_000 * step)
        while second < limit:
            assert not self.allows(crontab, second)
            second += step
        assert self.allows(crontab, found)

    @staticmethod
    def allows(crontab: Crontab, time: datetime) -> bool:
        """Whether the schedule fires in this second."""
        return time.second in crontab.seconds and time.minute in crontab.minutes and time.hour in crontab.hours


class TestTimeZone:
    """Schedules follow the wall clock."""

    def test_hour_that_does_not_exist(self) -> None:
        """02:30 on the night when the clock goes forward fires at 03:30 summer time, which is the same moment."""
        found = parse_crontab("0 30 2 * * *").next_after(datetime(2026, 3, 28, 12, tzinfo=BERLIN), BERLIN)

        assert found.astimezone(UTC) == moment("2026-03-29 01:30:00")

    def test_hour_that_comes_twice(self) -> None:
        """In the second pass of the repeated hour the next occurrence lies ahead, not an hour behind."""
        second_pass = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN, fold=1)
        found = parse_crontab("0 */15 * * * *").next_after(second_pass, BERLIN)

        assert found.astimezone(UTC) == moment("2026-10-25 01:15:00")


class TestGrammar:
    """What is no NCRONTAB."""

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("", "has 0 fields"),
            ("* * * *", "has 4 fields"),
            ("* * * * * * *", "has 7 fields"),
            ("60 * * * * *", "'60' is not a valid second; expected 0 to 59"),
            ("* * * * * 7", "'7' is not a valid day of week; expected 0 to 6"),
            ("* * * 0 * *", "'0' is not a valid day; expected 1 to 31"),
            ("* * * L * *", "'L' is not a valid day"),
            ("* * * ? * *", r"'\?' is not a valid day"),
            ("* * * * * 1#2", "'1#2' is not a valid day of week"),
            ("* * * * Foo *", "'Foo' is not a valid month"),
            ("*/0 * * * * *", "'0' is not a valid second"),
            ("1,,2 * * * * *", "'' is not a valid second"),
            ("@daily", "has 1 fields"),
            ("٣ * * * * *", "is not a valid second"),
        ],
    )
    def test_refused(self, expression: str, message: str) -> None:
        """The error names the field and what it may hold."""
        with pytest.raises(ValueError, match=message):
            parse_crontab(expression)

    @given(st.text(alphabet="*/,-0123456789 MONFRIJUL#L?", max_size=30))
    def test_never_breaks(self, text: str) -> None:
        """Any text is either a schedule or a ValueError."""
        with suppress(ValueError):
            assert parse_crontab(text).text == text


class TestMonitoring:
    """Whether a schedule's status is kept."""

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [("*/10 * * * * *", False), ("0 * * * * *", True), ("*/10 0 3 * * *", True), ("* * * * *", True)],
    )
    def test_monitored(self, expression: str, expected: bool) -> None:
        """Not for a schedule that fires several times in every minute."""
        assert parse_crontab(expression).is_monitored is expected
