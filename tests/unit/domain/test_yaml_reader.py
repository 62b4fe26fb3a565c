"""Reading YAML: every problem at once, each at its line, and nothing that a hostile file could make expensive."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from shared.domain.yaml_reader import LARGEST_FILE, read_yaml


class Leaf(msgspec.Struct, frozen=True):
    """A part of a document."""

    name: str
    size: Annotated[int, Meta(ge=1, le=9)] = 1


class Document(msgspec.Struct, frozen=True):
    """A document with one of each."""

    leaves: tuple[Leaf, ...]
    by_name: dict[str, Leaf] = msgspec.field(default_factory=dict)
    secret: Annotated[str, Meta(pattern="^[a-z]+$", extra={"expected": "letters", "hidden": True})] = "a"
    flag: bool = False


def problems(text: str) -> list[tuple[int, str]]:
    """Line and path of each problem."""
    return [(problem.line, problem.path) for problem in read_yaml(text, Document).problems]


class TestReads:
    """Documents without problems."""

    def test_reads_what_is_there(self) -> None:
        """Values by their types, defaults for the rest, the line of each path."""
        reading = read_yaml("leaves:\n  - {name: a, size: 2}\n  - name: b\nflag: yes\n", Document)

        assert Document(leaves=(Leaf("a", 2), Leaf("b")), flag=True) == reading.value
        assert reading.problems == ()
        assert tuple(reading.lines[path] for path in ("leaves[0].name", "leaves[1].name", "flag")) == (2, 3, 4)

    def test_reads_aliases(self) -> None:
        """An anchor may be used again."""
        reading = read_yaml("leaves: [&a {name: x}, *a]\n", Document)

        assert Document(leaves=(Leaf("x"), Leaf("x"))) == reading.value


class TestFinds:
    """What is wrong with a document."""

    def test_a_tab_is_called_a_tab(self) -> None:
        """The scanner's own words speak of tokens; a tab inside a text is none of its business."""
        (problem,) = read_yaml("leaves:\n\t- name: a\n", Document).problems

        assert (problem.line, problem.found) == (2, "a tab before the text")
        assert read_yaml('leaves: [{name: "a\tb"}]\n', Document).problems == ()

    def test_all_problems_at_once(self) -> None:
        """Each with its line and path, in the order of the file."""
        text = "leaves:\n  - {nam: a}\n  - {name: 12, size: 10}\nby_name: []\nflag: maybe\nextra: 1\n"

        assert problems(text) == [
            (2, "leaves[0].nam"),
            (2, "leaves[0].name"),
            (3, "leaves[1].name"),
            (3, "leaves[1].size"),
            (4, "by_name"),
            (5, "flag"),
            (6, "extra"),
        ]

    def test_a_key_that_is_there_twice(self) -> None:
        """At the line of the second, naming the first."""
        (problem,) = read_yaml("leaves: []\nflag: true\nflag: false\n", Document).problems

        assert (problem.line, problem.path) == (3, "flag")
        assert "line 2" in problem.expected

    def test_near_misses_are_told(self) -> None:
        """A key that is nearly right gets a hint."""
        (problem,) = read_yaml("leaves: []\nflagg: true\n", Document).problems

        assert "did you mean flag?" in problem.expected

    def test_a_secret_in_the_wrong_place_is_not_repeated(self) -> None:
        """What might be a secret itself is named and not shown."""
        (problem,) = read_yaml("leaves: []\nsecret: dckr_pat_123\n", Document).problems

        assert "dckr" not in str(problem)
        assert "letters" in problem.expected

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("", 0),
            ("# nothing\n", 0),
            ("leaves: [", 1),
            ("leaves: []\n  flag: true\n", 2),
            ("leaves: *nowhere\n", 1),
            ("leaves: []\n---\nleaves: []\n", 2),
            ("leaves: []\nflag: \x00\n", 0),
            ("- a\n", 1),
            ("text\n", 1),
        ],
    )
    def test_what_is_no_document(self, text: str, line: int) -> None:
        """Empty, broken, several documents, a list: one problem, at a line where there is one."""
        assert line in {found for found, _ in problems(text)}

    def test_keys_that_are_no_text_and_merge_keys(self) -> None:
        """Told plainly, since they would otherwise be silently dropped."""
        assert problems("? [a]\n: b\nleaves: []\n") == [(1, "")]
        assert problems("<<: {flag: true}\nleaves: []\n") == [(1, "")]

    def test_tags_make_nothing(self) -> None:
        """A tag that would make an object in a careless reader is a problem here."""
        assert problems("leaves: [{name: !!python/object/apply:os.system [id]}]\n") == [(1, "leaves[0].name")]


class TestBounds:
    """Hostile files."""

    def test_size(self) -> None:
        """More than a policy can need is refused before it is read."""
        assert "at most" in read_yaml("#" * (LARGEST_FILE + 1), Document).problems[0].expected

    @pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 50_000, "- " * 100_000, "leaves: [" + "a, " * 80_000])
    def test_depth_and_number(self, text: str) -> None:
        """Nesting without end and values without number stop at the bound, before anything recursive runs."""
        assert "depth" in read_yaml(text, Document).problems[0].expected

    def test_aliases_that_double(self) -> None:
        """Nine levels of nine aliases are never expanded."""
        levels = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

        assert len(problems("\n".join([*levels, "leaves: *a9"]))) < 30

    def test_an_alias_to_itself(self) -> None:
        """A document that contains itself ends."""
        assert problems("leaves: &a [*a]\n")

    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        """Whatever the text, there is an answer, and a value or a problem in it."""
        reading = read_yaml(text, Document)

        assert reading.problems or reading.value is not None
