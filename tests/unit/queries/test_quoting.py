"""Literals in KQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.logs.models import Workspace
from shared.domain.kql_literals import kql_quote
from shared.queries import SOURCES

nasty = st.text(st.sampled_from("ab'\"\\\n\r\t|; )(/*-\u2028\u0085\x00é😀{}$@"), max_size=20)


class TestKqlQuote:
    """`kql_quote`."""

    @pytest.mark.parametrize(
        ("value", "literal"),
        [
            ("nginx", '"nginx"'),
            ('a"b', '"a\\"b"'),
            ("a\\", '"a\\\\"'),
            ("a\nb", '"a\\nb"'),
            ("it's", '"it\'s"'),
            ("\u2028", '"\\u2028"'),
            ("\x00", '"\\u0000"'),
            ("\ud800", '"\ufffd"'),
            ("é😀", '"é😀"'),
        ],
    )
    def test_writes(self, value: str, literal: str) -> None:
        """Backslashes, quotes and line breaks escaped; what can't be printed by its number."""
        assert kql_quote(value) == literal

    @given(st.one_of(st.text(), nasty))
    def test_never_ends_early(self, value: str) -> None:
        """One line, and no quote inside that is not escaped."""
        literal = kql_quote(value)
        inside = literal[1:-1].replace("\\\\", "")

        assert literal[0] == literal[-1] == '"'
        assert len(literal.splitlines()) == 1
        assert '"' not in inside.replace('\\"', "")
        assert not inside.replace('\\"', "").endswith("\\")

    async def test_is_read_back_by_the_engine(self) -> None:
        """What the sandbox's engine reads is the value, whatever it tries to be."""
        workspace = Workspace("w", "/w")
        for value in ('" | union SecretTable //', "a\\", '\\"', "'; drop", "line\nbreak", "tab\t", "é😀"):
            answer = await workspace.query(f"print x = {kql_quote(value)}")
            assert answer.rows == [[value]]
        workspace.close()

    def test_our_own_queries_hold_no_place_to_fill_in(self) -> None:
        """None of them takes a value at all: filtering by what an alert says happens in Python."""
        assert all("{" not in source.query and "%s" not in source.query for source in SOURCES)
