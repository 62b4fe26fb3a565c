"""The HTTP interface as one table: what each route takes, answers and refuses.

The OpenAPI document is made of it. A test holds it against the triggers that are registered, so that none is missing
and none is made up, and another one holds real answers against it. Nothing imports this before somebody asks for it.
"""

from http import HTTPStatus
from typing import Final

from functions.api_model import LINES, Answers, Parameter, Route, number, word
from shared.application.approvals import Answer
from shared.application.delivery_ports import Totals
from shared.application.doctor.findings import DoctorReport
from shared.application.forecast import ExplainQuestion, PlanQuestion
from shared.application.intake import Acceptance
from shared.application.letter_views import LetterView
from shared.application.mirrors import MirrorFormat, MirrorReport
from shared.application.notice_reports import ChannelReport, NoticePage
from shared.application.outbox_ports import RowState
from shared.application.reports import Health, IncidentReport, IncidentSummary
from shared.application.rotation_forecast import Forecast
from shared.application.rotation_requests import CredentialReport, CredentialSummary, RotationRequest
from shared.domain.audit import AuditEntry
from shared.domain.explanation import Explanation
from shared.domain.incidents import Incident
from shared.domain.notice_kinds import NoticeKind
from shared.domain.plans import Plan
from shared.domain.rotation import Rotation

PAGES: Final = frozenset({"console", "console_pages"})
"""Functions that answer with pages for people; no client is made for them, and the document leaves them out."""

_DAY: Final = {"type": "string", "format": "date"}

ROUTES: Final = (
    Route(
        method="POST",
        path="alerts",
        name="alerts",
        tag="alerts",
        summary="Azure Monitor's alerts: the common alert schema and the older ones.",
        body=dict,
        answers=Answers((Acceptance,), HTTPStatus.ACCEPTED),
        problems=(400, 413),
    ),
    Route(
        method="GET",
        path="incidents",
        name="incidents",
        tag="incidents",
        summary="The incidents, latest change first.",
        parameters=(
            number("limit", "How many; 100 when left out.", 1000),
            Parameter("state", "Only those in one of these states, separated by commas."),
            Parameter("source", "Only those whose repository has this in its name."),
            Parameter("before", "`updated_at~id` of the last one seen, to go on behind it."),
        ),
        answers=Answers((list[IncidentSummary],)),
        problems=(400,),
    ),
    Route(
        method="GET",
        path="incidents/{id}",
        name="incident",
        tag="incidents",
        summary="One incident: timeline, proofs, hand-off, what became of its notices.",
        answers=Answers((IncidentReport,)),
        problems=(404,),
    ),
    Route(
        method="POST",
        path="incidents/{id}/approve",
        name="approve",
        tag="incidents",
        summary="A person's yes to the plan that the incident proposes.",
        body=Answer,
        answers=Answers((Incident,)),
        problems=(400, 404, 409),
        names_a_person=True,
    ),
    Route(
        method="POST",
        path="incidents/{id}/reject",
        name="reject",
        tag="incidents",
        summary="A person's no; the incident rests until its plan is another one.",
        body=Answer,
        answers=Answers((Incident,)),
        problems=(400, 404, 409),
        names_a_person=True,
    ),
    Route(
        method="POST",
        path="explain",
        name="explain",
        tag="questions",
        summary="What a failure text says, why, and what to do.",
        body=ExplainQuestion,
        answers=Answers((Explanation,)),
        problems=(400,),
    ),
    Route(
        method="POST",
        path="plan",
        name="plan",
        tag="questions",
        summary="What would be done about some failures, against the registry as it is.",
        body=PlanQuestion,
        answers=Answers((Plan,)),
        problems=(400, 404),
    ),
    Route(
        method="GET",
        path="mirrors",
        name="mirrors",
        tag="questions",
        summary="The registry's rules as files for nodes, clusters and manifests.",
        parameters=(
            word("format", "What comes; json when left out.", MirrorFormat),
            Parameter("registry", "Its name or ARM id; may be left out where the policy has one."),
            Parameter("upstream", "With format=containerd: the file of this host alone."),
        ),
        answers=Answers((MirrorReport,), texts=("application/toml", "application/yaml")),
        problems=(400, 404),
    ),
    Route(
        method="GET",
        path="notifications",
        name="notices",
        tag="notifications",
        summary="What became of every notice at every channel, the newest first.",
        parameters=(
            Parameter("subject", "Only what is about this: incidents/<id>, rotations/<id>, …"),
            Parameter("channel", "Only this channel of the policy."),
            word("kind", "Only notices of this kind.", NoticeKind),
            word("state", "Only what stands so.", RowState),
            number("limit", "How many; 50 when left out.", 200),
            Parameter("after", "The `next` of an answer, to go on behind it."),
        ),
        answers=Answers((NoticePage,)),
        problems=(400,),
    ),
    Route(
        method="GET",
        path="channels",
        name="channels",
        tag="notifications",
        summary="Every channel: does it work, what did it say last, how many notices are in which state.",
        answers=Answers((list[ChannelReport],)),
    ),
    Route(
        method="GET",
        path="deliveries",
        name="deliveries",
        tag="records",
        summary="Every alert and event that arrived, counted by what became of it.",
        answers=Answers((Totals,)),
    ),
    Route(
        method="GET",
        path="dead-letters",
        name="dead_letters",
        tag="records",
        summary="What was given up, with the errors of its attempts; of long messages the beginning.",
        answers=Answers((list[LetterView],)),
    ),
    Route(
        method="GET",
        path="dead-letters/{id}",
        name="dead_letter",
        tag="records",
        summary="One dead letter with all that is kept of its message.",
        answers=Answers((LetterView,)),
        problems=(404,),
    ),
    Route(
        method="POST",
        path="dead-letters/{id}/replay",
        name="replay",
        tag="records",
        summary="Put a dead letter back on its queue.",
        answers=Answers((LetterView,)),
        problems=(404, 409),
        names_a_person=True,
    ),
    Route(
        method="GET",
        path="audit",
        name="audit",
        tag="records",
        summary="Every change that was made outside, as JSON lines.",
        parameters=(
            Parameter("from", "The first day, UTC.", _DAY),
            Parameter("to", "The last day, UTC; the last seven days when both are left out.", _DAY),
        ),
        answers=Answers((AuditEntry,), media=LINES),
        problems=(400,),
    ),
    Route(
        method="GET",
        path="rotations",
        name="rotation_overview",
        tag="rotations",
        summary="Every credential with its newest rotation, and what keeps its tokens from being minted.",
        answers=Answers((list[CredentialSummary],)),
    ),
    Route(
        method="POST",
        path="rotations/{credential}",
        name="rotate",
        tag="rotations",
        summary="Begin the rotation of a token, or say what one would do.",
        body=RotationRequest,
        body_is_optional=True,
        answers=Answers((Rotation, Forecast), HTTPStatus.ACCEPTED),
        problems=(400, 404),
    ),
    Route(
        method="GET",
        path="rotations/{credential}",
        name="rotation",
        tag="rotations",
        summary="A credential's rotations with their timelines, and the pulls that are left.",
        answers=Answers((CredentialReport,)),
        problems=(404,),
    ),
    Route(
        method="GET",
        path="health",
        name="health",
        tag="health",
        summary="Whether settings and policy are valid and the storage answers.",
        answers=Answers((Health,)),
        with_key=False,
    ),
    Route(
        method="GET",
        path="health/deep",
        name="checkup",
        tag="health",
        summary="Every system that a cure needs, with what is wrong with it.",
        answers=Answers((DoctorReport,)),
    ),
    Route(
        method="GET",
        path="openapi.json",
        name="openapi",
        tag="health",
        summary="This document.",
        answers=Answers((dict,)),
    ),
)
