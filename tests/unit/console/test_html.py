"""The builder of elements: text stays text, and what could run or lead away is not made."""

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.console.html import Unsafe, breakable, el, stylesheet


class TestElements:
    """`el`."""

    @given(st.text())
    def test_any_text_comes_back_as_text(self, text: str) -> None:
        """Between the tags and in an attribute: one element, its text as it was but for what can't be seen."""
        made = str(el("p", text, title=text))
        found = re.fullmatch(r'<p title="([^"]*)">([^<>]*)</p>', made)

        assert found is not None
        shown = "".join(c if c in {"\n", "\u2060"} or unicodedata.category(c) not in HIDDEN else " " for c in text)
        assert [html.unescape(part) for part in found.groups()] == [shown, shown]

    def test_elements_are_put_into_elements(self) -> None:
        """Lists are flattened, nothing is left out but None."""
        assert str(el("p", el("code", "a<b"), [1, None, ["c"]], class_="x", hidden=True, role=None)) == (
            '<p class="x" hidden><code>a&lt;b</code>1c</p>'
        )

    @pytest.mark.parametrize("tag", ["script", "iframe", "object", "img", "base", "p onclick=x", "SCRIPT", ""])
    def test_elements_that_are_not_made(self, tag: str) -> None:
        """A page of the console has none of them."""
        with pytest.raises(Unsafe):
            el(tag)

    @pytest.mark.parametrize("name", ["onclick", "ONLOAD", "style", "srcdoc", "a b", "x><"])
    def test_attributes_that_are_not_made(self, name: str) -> None:
        """Nothing that runs, and no style that the page's policy would refuse."""
        with pytest.raises(Unsafe):
            el("p", **{name: "x"})

    @pytest.mark.parametrize(
        "address",
        [
            "javascript:alert(1)",
            "//evil.example",
            "http://evil.example",
            "data:text/html,x",
            " /x",
            "/\\evil",
            "evil",
            "",
        ],
    )
    def test_addresses_that_are_not_made(self, address: str) -> None:
        """Only our own, and https."""
        with pytest.raises(Unsafe):
            el("a", href=address)

    def test_names_break_behind_slashes(self) -> None:
        """And what stands between them is text."""
        assert str(breakable("a/<b>/c")) == "a/<wbr>&lt;b&gt;/<wbr>c"

    def test_a_sheet_holds_no_markup(self) -> None:
        """It would end its element."""
        with pytest.raises(Unsafe):
            stylesheet("</style><script>")


HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
