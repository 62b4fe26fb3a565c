"""Numbers of things, for sentences."""

import pytest

from shared.domain.counting import counted


@pytest.mark.parametrize(
    ("number", "one", "many", "expected"),
    [
        (0, "cache rule", "", "0 cache rules"),
        (1, "cache rule", "", "1 cache rule"),
        (2, "repository", "repositories", "2 repositories"),
        (12000, "pull is", "pulls are", "12,000 pulls are"),
    ],
)
def test_the_word_fits_the_number(number: int, one: str, many: str, expected: str) -> None:
    """One is one; none and many are many."""
    assert expected == counted(number, one, many)
