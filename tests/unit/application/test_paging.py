"""Places in lists, as people may write them into an address."""

import pytest

from shared.application.paging import position_text, read_position
from shared.application.questions import BadQuestion


def test_a_place_comes_back() -> None:
    """In UTC, wherever it was written."""
    place = read_position("2026-11-24T10:30:00+01:00~key~with")
    assert place is not None
    assert position_text(place) == "2026-11-24T09:30:00.000000Z~key~with"


@pytest.mark.parametrize(
    "text",
    ["x", "~", "2026-11-24T10:30:00~key", "2026-11-24T10:30:00Z~", "0001-01-01T00:00:00+14:00~key", "~" * 1000],
)
def test_what_is_no_place(text: str) -> None:
    """A time that UTC has not is none either."""
    with pytest.raises(BadQuestion, match="updated_at~id"):
        read_position(text)
