"""Cells as the client hands them out, and failures told of more than once."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.failures import Diagnosis, PullFailure, Workload, diagnose
from shared.queries import SOURCES, read_failures
from shared.queries.merging import merged
from shared.queries.rows import count, moment, names, text
from tests.fixtures.failure_texts import LIMITED_TEMPO

AT = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.datetimes(),
    st.just("None"),
    st.just('["a"]'),
)
columns = [
    "Resource",
    "Image",
    "Text",
    "Failures",
    "FirstSeen",
    "LastSeen",
    "Pods",
    "Apps",
    "Jobs",
    "Groups",
    "Containers",
]
rows = st.dictionaries(
    st.sampled_from([*columns, "Computers", "LoginServer", "Repository", "Tag", "ResultType", "Name"]), cells
)


class TestCells:
    """One cell."""

    @pytest.mark.parametrize(("value", "read"), [(None, ""), ("None", ""), ("x", "x"), (5, "5"), ("", "")])
    def test_text(self, value: object, read: str) -> None:
        """A null guid arrives as the word None (observed)."""
        assert text({"c": value}, "c") == read

    @pytest.mark.parametrize(
        ("value", "read"), [(3, 3), (3.0, 3), ("4", 4), (None, 1), (0, 1), (-2, 1), ("x", 1), (float("nan"), 1)]
    )
    def test_count(self, value: object, read: int) -> None:
        """At least one: a row is there because something failed."""
        assert count({"c": value}, "c") == read

    @pytest.mark.parametrize(
        ("value", "read"),
        [
            (AT, AT),
            (AT.replace(tzinfo=None), AT),
            (AT.astimezone(timezone(timedelta(hours=2))), AT),
            ("2026-05-04T09:00:00Z", AT),
            ("soon", None),
            (None, None),
            (7, None),
        ],
    )
    def test_moment(self, value: object, read: datetime | None) -> None:
        """Always aware and in UTC."""
        assert moment({"c": value}, "c") == read

    @pytest.mark.parametrize(
        ("value", "read"),
        [
            ('["b","a","a",""]', ("a", "b")),
            (["b", "a"], ("a", "b")),
            ("[", ()),
            ("{}", ()),
            (None, ()),
            ("[1,null]", ()),
            ("None", ()),
        ],
    )
    def test_names(self, value: object, read: tuple[str, ...]) -> None:
        """A dynamic cell is a string of JSON."""
        assert names({"c": value}, "c") == read

    @given(st.dictionaries(st.sampled_from([source.name for source in SOURCES]), st.lists(rows, max_size=4)))
    def test_any_rows_are_read(self, found: dict[str, list[dict[str, Any]]]) -> None:
        """A custom table may hold anything."""
        for failure in read_failures(found):
            assert failure.first_seen <= failure.last_seen
            assert failure.count >= 1


def failure(workload: str = "a", diagnosis: Diagnosis | None = None, minutes: int = 0, count_: int = 1) -> PullFailure:
    """A failure of the typical image at one resource."""
    at = AT + timedelta(minutes=minutes)
    return PullFailure(
        diagnosis or diagnose(LIMITED_TEMPO), "/r", at, at, count_, (Workload("/r", "obs", "Pod", workload),)
    )


class TestMerged:
    """`merged`."""

    def test_the_same_failure_from_two_sources_is_one(self) -> None:
        """Counts add up, times span both, workloads are united."""
        [found] = merged([failure("a", minutes=5, count_=2), failure("b", count_=3), failure("a", minutes=9)])

        assert (found.count, found.first_seen, found.last_seen) == (6, AT, AT + timedelta(minutes=9))
        assert [w.name for w in found.workloads] == ["a", "b"]

    def test_other_causes_stay_apart(self) -> None:
        """An image may fail for two reasons in one window."""
        other = msgspec.structs.replace(diagnose(LIMITED_TEMPO), limit="account")

        assert len(merged([failure(), failure(diagnosis=other)])) == 2

    @given(st.lists(st.builds(failure, st.sampled_from("abc"), minutes=st.integers(0, 60), count_=st.integers(1, 9))))
    def test_loses_no_failure(self, failures: list[PullFailure]) -> None:
        """The sum of counts is kept, in whatever order they come."""
        found = merged(failures)

        assert sum(f.count for f in found) == sum(f.count for f in failures)
        assert merged(failures[::-1]) == found
