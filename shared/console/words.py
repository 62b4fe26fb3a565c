"""What the console calls things: states with their meaning, times as people read them."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from markupsafe import Markup

from shared.console.html import el
from shared.domain.incidents import Incident, IncidentState
from shared.domain.rotation import RotationState


class Word(msgspec.Struct, frozen=True):
    """A state in words.

    Attributes:
        label: a word or two.
        tone: `wait`, `bad`, `busy`, `good` or `idle`: how it is coloured, beside the label and never instead of it.
        meaning: what it means, and what happens next.
    """

    label: str
    tone: str
    meaning: str = ""


INCIDENTS: Final = {
    IncidentState.DETECTED: Word("detected", "busy", "An image failed because of a pull limit. A plan is being made."),
    IncidentState.PLANNED: Word("planned", "busy", "There is a plan, and it is about to be carried out."),
    IncidentState.AWAITING_APPROVAL: Word(
        "waits for approval", "wait", "Nothing is changed until a person agrees to the plan."
    ),
    IncidentState.APPLIED: Word(
        "applied", "busy", "The cache rule is there. The registry is being asked whether it serves the image."
    ),
    IncidentState.VERIFIED: Word(
        "verified", "good", "The registry has served the image. What is left is to change the reference."
    ),
    IncidentState.CLOSED: Word("closed", "good", "Nothing is left to do."),
    IncidentState.BLOCKED: Word(
        "blocked",
        "bad",
        "Nothing can be done until somebody changes something. It is looked at again at the next failure.",
    ),
    IncidentState.FAILED: Word("failed", "bad", "Nothing more is tried until the image fails again."),
}
OBSERVED: Final = Word(
    "only observed", "idle", "There is a plan. The policy only observes here, so nothing is changed."
)

ROTATIONS: Final = {
    RotationState.REVOKING: Word("revoking", "busy", "The old token is being deleted before there is another one."),
    RotationState.CREATING: Word("creating", "busy", "A new token is being made."),
    RotationState.WAITING: Word("waits for a person", "wait", "A person has to make the token."),
    RotationState.TESTING: Word("testing", "busy", "The new token is being tried out at Docker Hub."),
    RotationState.PUBLISHING: Word("publishing", "busy", "The new token is being written to the vault."),
    RotationState.ADOPTING: Word("adopting", "busy", "The registries are taking up the new token."),
    RotationState.RETIRING: Word(
        "retiring", "good", "The new token works. The old one is switched off after its grace."
    ),
    RotationState.DELETING: Word("deleting", "good", "The new token works. The old one is being deleted."),
    RotationState.WITHDRAWING: Word("withdrawing", "bad", "The new token is being taken back; the old one stays."),
    RotationState.SUCCEEDED: Word("succeeded", "good", "The token was replaced."),
    RotationState.FAILED: Word("failed", "bad", "The token was not replaced."),
}


def of_incident(state: IncidentState, mode: str) -> Word:
    """An incident's state in words."""
    return OBSERVED if state is IncidentState.PLANNED and mode == "observe" else INCIDENTS[state]


def badge(word: Word) -> Markup:
    """A state as a small label."""
    return el("span", word.label, class_=f"badge {word.tone}")


def why_it_failed(incident: Incident) -> str:
    """What an incident is about when no failure tells: nothing has failed yet, or nothing that was said explains it."""
    if incident.preventive:
        return (
            "Nothing has failed yet: an image in the registry is built from this repository, and would meet the limit."
        )
    return "The upstream refused to serve the image because of a pull limit."


def moment(at: datetime, now: datetime) -> Markup:
    """A time as people read it, and how long ago that is."""
    return el("time", f"{_written(at, now)} ", el("small", ago(at, now)), datetime=at.astimezone(UTC).isoformat())


def when(at: datetime | None, now: datetime) -> Markup | None:
    """How long ago a time is, with the time itself for whoever points at it; None for none."""
    if at is None:
        return None
    written = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return el("time", ago(at, now), datetime=at.astimezone(UTC).isoformat(), title=written)


def ago(at: datetime, now: datetime) -> str:
    """`12 min ago`, `in 3 h`, `now`."""
    away = now - at
    text = span(abs(away))
    if text == "0 s":
        return "now"
    return f"{text} ago" if away >= timedelta(0) else f"in {text}"


def span(length: timedelta) -> str:
    """The largest whole unit of a length: `40 s`, `12 min`, `3 h`, `5 d`."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size * (2 if unit != "min" else 1):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def registry_name(registry_id: str) -> str:
    """The registry's name, the last part of its id."""
    return registry_id.rstrip("/").rpartition("/")[2]


def _written(at: datetime, now: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at:%H:%M:%S} UTC" if at.date() == now.astimezone(UTC).date() else f"{at:%Y-%m-%d %H:%M} UTC"
