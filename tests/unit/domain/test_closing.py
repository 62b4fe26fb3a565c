"""Closing: which incidents are over, and what becomes of them."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.closing import close
from shared.domain.incidents import Incident, IncidentState

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
SETTLED = {IncidentState.VERIFIED, IncidentState.BLOCKED, IncidentState.FAILED}


def incident(state: IncidentState, changed: timedelta, failed: timedelta) -> Incident:
    """One that changed and failed so long ago."""
    long_ago = NOW - timedelta(days=365)
    return Incident(
        id="i",
        registry_id="/r",
        source="docker.io/library/nginx",
        state=state,
        updated_at=NOW - changed,
        last_seen=NOW - failed,
        opened_at=long_ago,
        active_since=long_ago,
        first_seen=long_ago,
    )


AGE = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30))


@given(st.sampled_from(IncidentState), AGE, AGE)
def test_only_what_is_settled_and_quiet_is_closed(state: IncidentState, changed: timedelta, failed: timedelta) -> None:
    """Whatever else there is stays as it is."""
    before = incident(state, changed, failed)
    after = close(before, NOW, WEEK)

    if state in SETTLED and min(changed, failed) >= WEEK:
        assert after.state is IncidentState.CLOSED
    else:
        assert after == before


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_closing_twice_is_closing_once(state: IncidentState) -> None:
    """And keeps what is known of it."""
    before = msgspec.structs.replace(incident(state, WEEK, WEEK), rule="r", reason="why")
    once = close(before, NOW, WEEK)

    assert close(once, NOW + 10 * WEEK, WEEK) == once
    assert once.rule == "r"
