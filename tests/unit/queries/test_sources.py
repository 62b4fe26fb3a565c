"""What holds for every source."""

import re
from pathlib import Path

import pytest

import shared.queries
from shared.queries import AUDIT_SOURCES, CONTAINER_IMAGES, SOURCES, LogSource

ALL = (*SOURCES, *AUDIT_SOURCES, CONTAINER_IMAGES)
WITHOUT_TEXT = {"kube_pods", "container_images"}
"""What carries no message."""


class TestSources:
    """The sources' queries as texts."""

    @pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)
    def test_takes_its_window_from_the_request(self, source: LogSource) -> None:
        """A query with a time of its own would ignore the alert's window."""
        assert not re.search(r"\b(?:ago|now)\s*\(", source.query)

    @pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)
    def test_is_bounded_in_rows_and_aggregates_on_the_server(self, source: LogSource) -> None:
        """Whatever a workspace holds, the answer is small."""
        assert re.search(r"\| take \d+", source.query)
        assert "| summarize" in source.query

    @pytest.mark.parametrize("source", [s for s in ALL if s.name not in WITHOUT_TEXT], ids=lambda source: source.name)
    def test_is_bounded_in_bytes(self, source: LogSource) -> None:
        """A message is cut where it is aggregated."""
        assert re.search(r"take_any\(substring\(\w+, 0, 4096\)\)", source.query)

    @pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)
    def test_reads_the_tables_that_it_names(self, source: LogSource) -> None:
        """So that a missing table is known to be this source's."""
        assert all(re.search(rf"^\s*{table}$", source.query, re.MULTILINE) for table in source.tables)

    def test_every_query_in_the_package_is_asked(self) -> None:
        """A file that nobody asks is a mistake."""
        files = {path.stem for path in Path(shared.queries.__path__[0]).glob("*.kql")}

        assert files == {source.name for source in ALL}

    def test_a_query_is_text_in_the_installed_package(self) -> None:
        """It is read with importlib.resources, wherever the package lies."""
        assert all(source.query.strip() for source in ALL)
