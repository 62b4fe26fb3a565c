"""Forecast: what a text means and what a plan would do, asked over HTTP; nothing is changed."""

import msgspec

from shared.application.questions import NotFound
from shared.application.survey import Survey
from shared.domain.explanation import Explanation, explain
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.planned_images import planned_image
from shared.domain.planner import plan
from shared.domain.plans import Plan
from shared.domain.policy import Policy
from shared.errors import CallerError

_LONGEST_TEXT = 1024 * 1024
_MOST_FAILURES = 10_000


class QuestionInvalid(CallerError):
    """The body of a question can't be read."""

    code = "question_invalid"
    hint = "Send a JSON object with exactly the fields that GET /api/openapi.json names."


class ExplainQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /api/explain`."""

    text: str


class PlanQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /api/plan`.

    Attributes:
        registry: the registry's name or ARM id, one of the policy's.
        failures: image references, failure texts, or objects that `cachewarden explain --jsonl` wrote, as texts.
    """

    registry: str
    failures: tuple[str, ...]


class Forecast:
    """Answers "what would happen" without letting it happen."""

    def __init__(self, *, policy: Policy, survey: Survey) -> None:
        self._policy = policy
        self._survey = survey

    async def explain(self, body: bytes) -> Explanation:
        """What a failure text says; raises QuestionInvalid for a body that is no question."""
        return explain(_read(body, ExplainQuestion, '{"text": "the failure text"}').text[:_LONGEST_TEXT])

    async def plan(self, body: bytes) -> Plan:
        """What would be done about some failures, against the registry as it is now.

        Raises:
            QuestionInvalid: the body is no question.
            NotFound: the policy has no such registry.
            TemporaryError, PermanentError: the registry can't be read.
        """
        question = _read(body, PlanQuestion, '{"registry": "contoso", "failures": ["nginx:1.27"]}')
        if len(question.failures) > _MOST_FAILURES:
            raise QuestionInvalid(f"failures: {len(question.failures)} found; at most {_MOST_FAILURES} expected")
        registry = self._policy.registry(question.registry)
        if registry is None:
            names = ", ".join(known.name for known in self._policy.registries)
            raise NotFound(
                f"registry: the policy has no {question.registry!r}; it has {names}", hint="Name one of them."
            )
        snapshot = await self._survey.read(registry.id)
        images = [planned_image(text) for text in question.failures if text.strip()]
        return plan(snapshot, images, self._policy, registry=registry)


def _read[T](body: bytes, kind: type[T], example: str) -> T:
    try:
        return read_json(body, kind)
    except JsonUnreadable as error:
        raise QuestionInvalid(f"the body is no question: {error}; expected {example}") from error
