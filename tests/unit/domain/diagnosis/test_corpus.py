"""The labelled corpus beside the checkout, where there is one: how often we agree with people who read the threads."""

import json
from typing import Any

import pytest

from shared.domain.diagnosis import diagnose
from tests.support import shared_path


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """The labelled lines whose labels the text itself supports."""
    text = shared_path("corpus/dev.jsonl").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.splitlines()) if "AMBIGUOUS" not in line["note"]]


def share(lines: list[dict[str, Any]], *fields: str) -> float:
    """The share of lines where all the fields agree with the label."""
    return sum(all(told(line["text"])[f] == line["expected"][f] for f in fields) for line in lines) / len(lines)


def told(text: str) -> dict[str, Any]:
    """A diagnosis in the label's fields."""
    found = diagnose(text)
    image = found.image
    return {
        "rate_limited": found.rate_limited,
        "registry": image.registry if image else None,
        "repository": image.repository if image else None,
        "tag": image.tag if image else None,
        "digest": image.digest if image else None,
    }


class TestCorpus:
    """Agreement with the labels."""

    def test_on_whether_it_was_a_limit(self, lines: list[dict[str, Any]]) -> None:
        """At least 99 %."""
        assert share(lines, "rate_limited") >= 0.99

    def test_on_the_repository(self, lines: list[dict[str, Any]]) -> None:
        """At least 98 %."""
        assert share(lines, "registry", "repository") >= 0.98

    def test_on_tag_and_digest(self, lines: list[dict[str, Any]]) -> None:
        """At least 97 %."""
        assert share(lines, "tag", "digest") >= 0.97

    def test_calls_nothing_a_limit_that_is_none(self, lines: list[dict[str, Any]]) -> None:
        """No false positive."""
        assert [x["id"] for x in lines if told(x["text"])["rate_limited"] and not x["expected"]["rate_limited"]] == []

    def test_on_the_messages_of_azures_tables(self) -> None:
        """Whether Docker Hub's limit was hit, and the image."""
        for line in map(json.loads, shared_path("alerts/messages.jsonl").read_text(encoding="utf-8").splitlines()):
            found = diagnose(line["message"])
            if line["dockerhub_429"] is not None:
                assert (found.cause == "rate_limited") == line["dockerhub_429"], line["name"]
