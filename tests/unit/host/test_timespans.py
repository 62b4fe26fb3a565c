""".NET's TimeSpan texts."""

from datetime import timedelta

import pytest

from sandbox.host.errors import BindingError
from sandbox.host.schedules import Interval, parse_schedule
from sandbox.host.timespans import parse_timespan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:30", timedelta(seconds=30)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.2", timedelta(milliseconds=200)),
        ("00:00:00.1234567", timedelta(microseconds=123456)),
        ("10:00", timedelta(hours=10)),
        ("30", timedelta(days=30)),
    ],
)
def test_read(text: str, expected: timedelta) -> None:
    """Days, fractions and the forms without seconds; a bare number is days."""
    assert parse_timespan(text) == expected


@pytest.mark.parametrize("text", ["", "30s", "24:00:00", "00:60:00", "00:00:60", "-00:00:01", "1:2:3:4", "PT5M"])
def test_refused(text: str) -> None:
    """Everything else, overflowing clocks included."""
    with pytest.raises(ValueError, match="not a TimeSpan"):
        parse_timespan(text)


class TestSchedule:
    """A timer's schedule is NCRONTAB or a TimeSpan."""

    def test_timespan(self) -> None:
        """A TimeSpan is an interval, monitored from one minute on."""
        schedules = [parse_schedule("00:00:59"), parse_schedule("00:01:00")]

        assert schedules == [Interval("00:00:59", timedelta(seconds=59)), Interval("00:01:00", timedelta(minutes=1))]
        assert [schedule.is_monitored for schedule in schedules] == [False, True]

    @pytest.mark.parametrize("text", ["hourly", "00:00:00", "* * *"])
    def test_refused(self, text: str) -> None:
        """What is neither is the binding's error."""
        with pytest.raises(BindingError, match="schedule"):
            parse_schedule(text)
