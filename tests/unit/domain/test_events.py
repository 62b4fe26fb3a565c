"""Events as strangers may write them: a hint, a reason to leave it alone, or one clear error; never anything else."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.event_readers import READERS, trimmed
from shared.domain.events import (
    ChangeHint,
    Event,
    EventUnreadable,
    NotForUs,
    read_event,
    registry_hint,
    resource_hint,
)
from shared.domain.images import parse_reference
from shared.domain.lineage import BASE_NAME, CHART_IMAGES, MOST_IMAGES, images_named_by, references

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
REGISTRY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
TARGET = st.fixed_dictionaries({}, optional=dict.fromkeys(("repository", "digest", "tag", "version"), ANYTHING))
DOCUMENT = st.fixed_dictionaries(
    {"id": st.text(max_size=5), "eventTime": st.just("2026-11-24T08:59:00Z")},
    optional={
        "eventType": st.sampled_from(["ImagePushed", "ImageDeleted", "ChartPushed", "X.ResourceWriteSuccess"])
        | ANYTHING,
        "topic": st.just(REGISTRY) | ANYTHING,
        "subject": st.just(f"{REGISTRY}/cacheRules/x-rule") | ANYTHING,
        "data": st.fixed_dictionaries({"target": TARGET}) | ANYTHING,
        "specversion": st.just("1.0"),
    },
)


def read(reader: Callable[[Event], Any], document: dict[str, Any]) -> Any:
    """What a reader makes of a document, or that it can't be read."""
    try:
        return reader(read_event(document, NOW))
    except EventUnreadable:
        return EventUnreadable


def change(**data: Any) -> ChangeHint:
    """The hint of a deleted rule."""
    document = {
        "id": "1",
        "topic": "/subscriptions/s",
        "subject": f"{REGISTRY.upper()}/CACHERULES/nginx-1",
        "eventType": "Microsoft.Resources.ResourceDeleteSuccess",
        "eventTime": "2026-11-24T08:59:00Z",
        "data": data,
    }
    hint = resource_hint(read_event(document, NOW))
    assert isinstance(hint, ChangeHint)
    return hint


class TestTrimmed:
    """What is kept of an event."""

    @given(DOCUMENT)
    def test_it_reads_like_the_whole_one(self, document: dict[str, Any]) -> None:
        """For each reader the same hint, reason or error; and trimming twice is trimming once."""
        kept = trimmed(document)
        assert trimmed(kept) == kept
        for reader in READERS.values():
            assert read(reader, kept) == read(reader, document)

    def test_claims_are_left_out(self) -> None:
        """But for the object id, where it is one."""
        claims = {"name": "Anna", OBJECT_ID: "11111111-1111-4111-8111-111111111111", "ipaddr": "203.0.113.7"}
        data = {"claims": claims, "authorization": {"evidence": {"principalId": "Anna", "role": "Owner"}}, "x": 1}

        assert trimmed({"id": "1", "data": data, "deadLetterReason": "x"}) == {
            "id": "1",
            "data": {"claims": {OBJECT_ID: claims[OBJECT_ID]}, "authorization": {"evidence": {}}},
        }


class TestReading:
    """`read_event` and the hints."""

    @given(DOCUMENT)
    def test_whatever_is_delivered(self, document: dict[str, Any]) -> None:
        """No other error, and no name that has not the form of one."""
        for reader in (registry_hint, resource_hint):
            try:
                hint = reader(read_event(document, NOW))
            except EventUnreadable:
                continue
            if not isinstance(hint, NotForUs):
                assert hint.registry_id.lower() == REGISTRY.lower()

    @pytest.mark.parametrize(
        "data",
        [
            {"authorization": {"evidence": {"principalId": "11111111111141118111111111111111"}}},
            {"claims": {OBJECT_ID: "11111111-1111-4111-8111-111111111111"}},
        ],
    )
    def test_who_did_it_is_one_person_however_written(self, data: dict[str, Any]) -> None:
        """With dashes or without, from the evidence or the claims."""
        assert change(**data).by == "11111111-1111-4111-8111-111111111111"

    @pytest.mark.parametrize(
        "data", [{}, {"claims": {"name": "Anna"}}, {"authorization": {"evidence": {"principalId": "anna@x"}}}]
    )
    def test_a_name_is_nobody(self, data: dict[str, Any]) -> None:
        """Only an object id is kept."""
        assert change(**data).by == ""

    def test_letter_case_does_not_count(self) -> None:
        """Resource Manager writes `resourcegroups` as it likes."""
        hint = change()
        assert (hint.kind, hint.name, hint.deleted) == ("cacheRules", "nginx-1", True)


class TestLineage:
    """`images_named_by` and `references`."""

    @given(ANYTHING, ANYTHING, st.text(max_size=200))
    def test_whatever_was_pushed(self, annotations: Any, labels: Any, text: str) -> None:
        """Valid references come out, and nothing is raised."""
        for document in (
            {"annotations": annotations, "config": {"Labels": labels}},
            {"annotations": {BASE_NAME: text, CHART_IMAGES: f"- image: {text}"}, "config": annotations},
        ):
            for found in references(images_named_by(document)):
                assert parse_reference(str(found)) == found

    def test_no_more_than_so_many(self) -> None:
        """A chart of ten thousand images is read to the fiftieth."""
        listed = "\n".join(f"- image: a/b{number}:1" for number in range(10_000))
        assert len(references(images_named_by({"annotations": {CHART_IMAGES: listed}}))) == MOST_IMAGES
