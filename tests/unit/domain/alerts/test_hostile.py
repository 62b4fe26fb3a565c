"""Alerts that somebody made up: nothing in them is believed, and none of them raises anything but a refusal."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.alerts import UnknownAlert, parse_alert

EVENTS = sorted((Path(__file__).resolve().parents[3] / "events" / "alerts").glob("*.json"))
WORKSPACE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

documents = st.sampled_from([json.loads(path.read_text(encoding="utf-8")) for path in EVENTS])
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda children: st.one_of(
        st.lists(children, max_size=4), st.dictionaries(st.text(max_size=12), children, max_size=4)
    ),
    max_leaves=12,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    yield at
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from places(item, (*at, key))


def replaced(document: Any, at: tuple[Any, ...], value: object) -> Any:
    """A copy of the document with another value at a path."""
    if not at:
        return value
    copy = json.loads(json.dumps(document))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return copy


def with_link(link: str) -> Any:
    """An alert whose link is another one."""
    document = json.loads((EVENTS[0].parent / "log_v2_dimensions.json").read_text(encoding="utf-8"))
    for criterion in document["data"]["alertContext"]["condition"]["allOf"]:
        criterion["linkToSearchResultsAPI"] = criterion["linkToFilteredSearchResultsAPI"] = link
    return document


class TestHostile:
    """`parse_alert` on what Azure Monitor would never send."""

    @given(st.data(), documents, values)
    def test_any_value_anywhere_is_read_or_refused(self, data: st.DataObject, document: Any, value: object) -> None:
        """No other exception, whatever stands where."""
        at = data.draw(st.sampled_from(list(places(document))))
        with suppress(UnknownAlert):
            assert parse_alert(replaced(document, at, value)).delivery_key

    @given(values)
    def test_any_json_is_read_or_refused(self, document: object) -> None:
        """No other exception for documents of no schema at all."""
        with pytest.raises(UnknownAlert):
            parse_alert(document)

    @pytest.mark.parametrize(
        "link",
        [
            f"http://api.loganalytics.io/v1/workspaces/{WORKSPACE}/query",
            f"https://api.loganalytics.io.evil.example/v1/workspaces/{WORKSPACE}/query",
            f"https://evil.example/v1/workspaces/{WORKSPACE}/query",
            f"https://user@api.loganalytics.io/v1/workspaces/{WORKSPACE}/query",
            f"https://api.loganalytics.io:8443/v1/workspaces/{WORKSPACE}/query",
            f"https://api.loganalytics.io/v1/workspaces/{WORKSPACE}/query/more",
            f"https://api.loganalytics.io/v1/workspaces/../{WORKSPACE}/query",
            "https://api.loganalytics.io/v1/workspaces/all/query",
            "https://[",
            "javascript:alert(1)",
        ],
    )
    def test_a_link_of_any_other_form_names_no_workspace(self, link: str) -> None:
        """Only the documented form on the service's own hosts is read, and it is never opened."""
        assert parse_alert(with_link(link)).workspace_ids == ()

    @pytest.mark.parametrize("host", ["api.loganalytics.io", "api.loganalytics.azure.com", "API.LogAnalytics.io"])
    def test_a_link_of_the_documented_form_names_its_workspace(self, host: str) -> None:
        """Both hosts that the documentation shows."""
        document = with_link(f"https://{host}/v1/workspaces/{WORKSPACE.upper()}/query?query=anything")

        assert parse_alert(document).workspace_ids == (WORKSPACE,)

    @pytest.mark.parametrize(
        "value",
        [
            "/subscriptions/x/../../evil?x=1",
            "/subscriptions/x",
            "nginx",
            "/subscriptions/x/resourceGroups/rg/providers/Microsoft.App/containerApps/a?b=c",
            "https://evil.example/subscriptions/x/resourceGroups/r/providers/a.b/c/d",
        ],
    )
    def test_what_is_no_resource_id_is_none(self, value: str) -> None:
        """An id is compared with the policy's, so it has to have an id's form."""
        document = with_link("x")
        essentials = document["data"]["essentials"]
        essentials["configurationItems"], essentials["alertTargetIDs"] = [value], [value]
        document["data"]["alertContext"]["condition"]["allOf"][0]["dimensions"] = [
            {"name": "ResourceId", "value": value}
        ]

        assert parse_alert(document).resource_ids == ()

    def test_a_huge_alert_stays_within_bounds(self) -> None:
        """Texts, dimensions and ids are bounded in number and length."""
        document = with_link("x")
        criterion = document["data"]["alertContext"]["condition"]["allOf"][0]
        criterion["dimensions"] = [{"name": f"d{n}", "value": f"pull image {n} " + "x" * 9000} for n in range(500)]

        found = parse_alert(document)

        assert len(found.texts) == 64
        assert max(map(len, found.texts)) <= 4096

    def test_keys_are_read_in_any_letter_case(self) -> None:
        """The documentation and its samples disagree about the spelling."""
        document = json.loads((EVENTS[0].parent / "log_v2_dimensions.json").read_text(encoding="utf-8"))
        shouted = json.loads(
            json.dumps(document).replace('"monitorCondition"', '"MONITORCONDITION"').replace('"allOf"', '"AllOf"')
        )

        assert parse_alert(shouted) == parse_alert(document)


class TestDeliveryKey:
    """What makes a delivery one."""

    def test_is_the_same_for_a_retry(self) -> None:
        """An action group repeats the same document, perhaps with the id in another letter case."""
        document = with_link("x")
        again = json.loads(json.dumps(document))
        again["data"]["essentials"]["alertId"] = document["data"]["essentials"]["alertId"].upper()

        assert parse_alert(again).delivery_key == parse_alert(document).delivery_key

    @pytest.mark.parametrize("field", ["alertId", "firedDateTime"])
    def test_is_another_for_another_alert(self, field: str) -> None:
        """Another instance, or the same one fired again."""
        document = with_link("x")
        other = json.loads(json.dumps(document))
        other["data"]["essentials"][field] = other["data"]["essentials"][field].replace("5", "6")

        assert parse_alert(other).delivery_key != parse_alert(document).delivery_key

    def test_of_a_schema_without_an_id_is_the_whole_document(self) -> None:
        """Two of the old alerts are one delivery only if they say the same, in whatever order."""
        path = EVENTS[0].parent / "metric_legacy.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        turned = dict(reversed(document.items()))
        other = json.loads(path.read_text(encoding="utf-8").replace("09:15:12", "09:20:12"))

        assert parse_alert(turned).delivery_key == parse_alert(document).delivery_key
        assert parse_alert(other).delivery_key != parse_alert(document).delivery_key
