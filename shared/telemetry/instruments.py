"""The instruments: every metric with its unit, what it counts, and the closed sets that its labels come from."""

from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.incidents import IncidentState
from shared.domain.rotation import RotationState
from shared.telemetry.names import Outcome, Outside, Work


class Kind(StrEnum):
    """How an instrument adds up."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Label(msgspec.Struct, frozen=True):
    """A label and the values that it may have; None: those that are declared when the app is put together."""

    name: str
    values: frozenset[str] | None = None


class Instrument(msgspec.Struct, frozen=True):
    """A metric.

    Attributes:
        buckets: upper bounds of a histogram's buckets, in its unit.
    """

    name: str
    kind: Kind
    unit: str
    about: str
    labels: tuple[Label, ...]
    buckets: tuple[float, ...] = ()


_CALL_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_CURE_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0)
_OUTCOME: Final = Label("outcome", frozenset(Outcome))
_CREDENTIAL: Final = Label("credential")

WORK_DURATION: Final = Instrument(
    "cachewarden.work.duration",
    Kind.HISTOGRAM,
    "s",
    "how long a piece of work took",
    (Label("work", frozenset(Work)), _OUTCOME),
    _CALL_S,
)
OUTSIDE_DURATION: Final = Instrument(
    "cachewarden.outside.duration",
    Kind.HISTOGRAM,
    "s",
    "how long a call of an outside system took",
    (Label("system", frozenset(call.system for call in Outside)), Label("operation", frozenset(Outside)), _OUTCOME),
    _CALL_S,
)
DELIVERIES: Final = Instrument(
    "cachewarden.deliveries",
    Kind.COUNTER,
    "{delivery}",
    "alerts and events that arrived, by what became of them at the door",
    (
        Label("source", frozenset({"alert", "registry_events", "resource_events", "vault_events"})),
        Label("outcome", frozenset({"queued", "duplicate", "rejected", "ignored", "dead-letter"})),
    ),
)
CONCLUSIONS: Final = Instrument(
    "cachewarden.conclusions",
    Kind.COUNTER,
    "{delivery}",
    "alerts and events that were worked on to the end, by what came of them",
    (
        Label("source", frozenset({"alert", "event"})),
        Label("outcome", frozenset({"incident", "credential", "ignored", "failed"})),
    ),
)
TRANSITIONS: Final = Instrument(
    "cachewarden.incident.transitions",
    Kind.COUNTER,
    "{transition}",
    "changes of an incident's state; `new` is where one was opened",
    (
        Label("from", frozenset({*IncidentState, "new"})),
        Label("to", frozenset(IncidentState)),
        Label("cause", frozenset({"failure", "prevention"})),
    ),
)
CURE_TIME: Final = Instrument(
    "cachewarden.incident.cure_time",
    Kind.HISTOGRAM,
    "s",
    "from an incident's opening, its reopening or a person's yes to its cure (`applied`) and its proof (`verified`)",
    (Label("state", frozenset({IncidentState.APPLIED, IncidentState.VERIFIED})),),
    _CURE_S,
)
ACTIONS: Final = Instrument(
    "cachewarden.plan.actions",
    Kind.COUNTER,
    "{action}",
    "actions of plans that were carried out, or tried",
    (
        Label(
            "action",
            frozenset({"create_credential_set", "grant_vault_access", "create_cache_rule", "attach_credential_set"}),
        ),
        _OUTCOME,
    ),
)
ROTATION_STEPS: Final = Instrument(
    "cachewarden.rotation.steps",
    Kind.COUNTER,
    "{step}",
    "steps of rotations: the state that a step began in and the one that it led to",
    (_CREDENTIAL, Label("step", frozenset(RotationState)), Label("result", frozenset(RotationState))),
)
NOTICES: Final = Instrument(
    "cachewarden.notices",
    Kind.COUNTER,
    "{notice}",
    "notices that were handed to a channel",
    (Label("channel_kind", frozenset({"event_grid", "teams", "slack", "webhook", "apprise"})), _OUTCOME),
)
HEADROOM: Final = Instrument(
    "cachewarden.headroom.remaining",
    Kind.GAUGE,
    "{pull}",
    "pulls that Docker Hub's window has left: of a credential's account, or of the app's own address (`anonymous`)",
    (_CREDENTIAL,),
)
DEAD_LETTERS: Final = Instrument(
    "cachewarden.dead_letters",
    Kind.COUNTER,
    "{letter}",
    "messages and events that were given up",
    (
        Label(
            "origin",
            frozenset(
                {
                    "remediations",
                    "notifications",
                    "rotations",
                    "events/registry_events",
                    "events/resource_events",
                    "events/vault_events",
                    "events/unknown",
                    "event-dead-letters",
                }
            ),
        ),
    ),
)
CHORE_DURATION: Final = Instrument(
    "cachewarden.chore.duration",
    Kind.HISTOGRAM,
    "s",
    "how long a chore of the sweep took",
    (Label("chore"), _OUTCOME),
    _CALL_S,
)
QUEUE_WAIT: Final = Instrument(
    "cachewarden.queue.wait",
    Kind.HISTOGRAM,
    "s",
    "age of a message when it is first taken; the delay that its sender asked for is part of it",
    (Label("queue", frozenset({"remediations", "notifications", "rotations"})),),
    _CURE_S,
)

INSTRUMENTS: Final = (
    DELIVERIES,
    CONCLUSIONS,
    TRANSITIONS,
    CURE_TIME,
    ACTIONS,
    ROTATION_STEPS,
    NOTICES,
    HEADROOM,
    DEAD_LETTERS,
    QUEUE_WAIT,
    CHORE_DURATION,
    WORK_DURATION,
    OUTSIDE_DURATION,
)
