"""Failure texts in every form that the runtimes, builders and tools write, and what each says."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.domain.diagnosis import diagnose

FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "failures"
"""One JSON object a line: text, cause, limited, image, limit, cache_rule, runtime. All made up, in real forms."""


def cases(name: str) -> list[Any]:
    """The cases of one file, each with a name that a test report can show."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [pytest.param(json.loads(line), id=f"{name}-{number}") for number, line in enumerate(lines, 1)]


class TestDiagnose:
    """`diagnose`."""

    @pytest.mark.parametrize("case", [*cases("kubernetes"), *cases("engines"), *cases("builders"), *cases("tools")])
    def test_reads_what_runtimes_builders_and_tools_write(self, case: dict[str, Any]) -> None:
        """Cause, limit, image and runtime, each from its own words."""
        assert told(case["text"]) == expected(case)

    @pytest.mark.parametrize("case", cases("azure"))
    def test_reads_what_azures_services_write(self, case: dict[str, Any]) -> None:
        """Container Apps, App Service, Container Instances, imports, tasks and cache rules."""
        assert told(case["text"]) == expected(case)

    @pytest.mark.parametrize("case", cases("others"))
    def test_leaves_other_limits_alone(self, case: dict[str, Any]) -> None:
        """ARM, Kubernetes, GitHub, npm, models and pushes say 429 too; none of it is a refused pull."""
        assert told(case["text"]) == expected(case)
        assert not diagnose(case["text"]).rate_limited

    @pytest.mark.parametrize("case", cases("several"))
    def test_finds_the_image_that_failed_among_several(self, case: dict[str, Any]) -> None:
        """What was pulled, what was there already and what failed for another reason are not it."""
        assert told(case["text"]) == expected(case)

    @pytest.mark.parametrize("case", cases("cut"))
    def test_says_no_more_than_a_cut_text_shows(self, case: dict[str, Any]) -> None:
        """A name without its end is no name, and a status without its explanation is not the abuse limit."""
        assert told(case["text"]) == expected(case)

    @pytest.mark.parametrize("case", cases("wrapped"))
    def test_reads_through_whatever_carried_the_text(self, case: dict[str, Any]) -> None:
        """JSON once and twice, colours, Markdown, log prefixes, folded and broken lines."""
        assert told(case["text"]) == expected(case)

    @pytest.mark.parametrize("case", cases("masked"))
    def test_takes_no_placeholder_service_or_stage_for_an_image(self, case: dict[str, Any]) -> None:
        """Masked names and names that only look like images name none."""
        assert told(case["text"]) == expected(case)
        assert diagnose(case["text"]).image is None


def told(text: str) -> dict[str, Any]:
    """The diagnosis in the form of the cases."""
    found = diagnose(text)
    return {
        "cause": str(found.cause),
        "limited": found.rate_limited,
        "image": str(found.image) if found.image is not None else None,
        "limit": found.limit,
        "cache_rule": found.cache_rule,
        "runtime": found.runtime,
    }


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """The case's answer, what it leaves out being None."""
    return {"limit": None, "cache_rule": None} | {key: value for key, value in case.items() if key != "text"}
