"""Rotations: the replacement of one Docker Hub token, as a state machine over a record without secrets.

The trap: a token's text is shown once, so a worker that dies between minting and writing it down leaves a token that
nobody can use. Each state therefore names the one step that comes next, each step can be repeated, and whatever carries
our label without being the live, the previous or the new token is an orphan.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from shared.domain.incidents import TimelineEntry
from shared.domain.policy_credentials import Credential, Provider

TAG_ROTATION = "cachewarden-rotation"
TAG_TOKEN = "cachewarden-token-id"  # noqa: S105 - the name of a tag
TAG_PROVIDER = "cachewarden-provider"
TAG_CREATED = "cachewarden-created"
TAG_USERNAME = "cachewarden-username-version"
CONTENT_TYPE = "application/vnd.cachewarden.docker-hub-token"

NEAR_EXPIRY = timedelta(days=30)
"""How long before its end Key Vault announces a secret (documented); nearer ends are announced at once."""
LONGEST_LIFE = timedelta(days=365)
"""Docker Hub gives tokens at most a year (documented)."""
MOST_TIMELINE = 60


class RotationState(StrEnum):
    """The step that comes next; the last three are settled."""

    REVOKING = "revoking"
    CREATING = "creating"
    WAITING = "waiting"
    TESTING = "testing"
    PUBLISHING = "publishing"
    ADOPTING = "adopting"
    RETIRING = "retiring"
    DELETING = "deleting"
    WITHDRAWING = "withdrawing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


SETTLED = frozenset({RotationState.SUCCEEDED, RotationState.FAILED})

_NEXT: dict[RotationState, frozenset[RotationState]] = {
    RotationState.REVOKING: frozenset({RotationState.CREATING, RotationState.WITHDRAWING}),
    RotationState.CREATING: frozenset({RotationState.TESTING, RotationState.WAITING, RotationState.WITHDRAWING}),
    RotationState.WAITING: frozenset({RotationState.TESTING, RotationState.CREATING}),
    RotationState.TESTING: frozenset({RotationState.PUBLISHING, RotationState.WITHDRAWING}),
    RotationState.PUBLISHING: frozenset({RotationState.ADOPTING, RotationState.WITHDRAWING}),
    RotationState.ADOPTING: frozenset({RotationState.RETIRING, RotationState.WITHDRAWING}),
    RotationState.RETIRING: frozenset({RotationState.DELETING, RotationState.FAILED}),
    RotationState.DELETING: frozenset({RotationState.SUCCEEDED, RotationState.FAILED}),
    RotationState.WITHDRAWING: frozenset({RotationState.FAILED}),
    RotationState.SUCCEEDED: frozenset(),
    RotationState.FAILED: frozenset(),
}


class Trigger(StrEnum):
    """Why a rotation was begun."""

    SCHEDULE = "schedule"
    NEAR_EXPIRY = "near_expiry"
    EXPIRED = "expired"
    REJECTED = "rejected"
    PERSON = "person"
    LEAK = "leak"
    PASTED = "pasted"


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """One rotation; a token's text and an account's name are never part of it.

    Attributes:
        credential: the credential's name in the policy.
        number: 1, 2, …; with the credential it is the record's key, so two workers can't begin the same one.
        provider: who mints; `assisted` also where another one could not, with `fallback` saying why.
        not_before: when the next step may be done.
        token_id: Docker Hub's id of the new token, empty while there is none or a person made it.
        staged_version: the version of the `-next` secret that holds the new token.
        username_version: the version of the user name's secret that belongs to the new token, if it changed.
        previous_version, previous_token, previous_username: what was live before, as versions of the secrets; the
            token's id only when it is ours.
        published_version: the version of the live secret that holds the new token.
        adoption_s: how long it took until every registry worked with it; nobody documents it.
        error: the code of why it failed or is withdrawn.
        detail: the same in a sentence.
    """

    credential: str
    number: int
    state: RotationState
    provider: Provider
    trigger: Trigger
    started_at: datetime
    updated_at: datetime
    not_before: datetime
    fallback: str = ""
    token_id: str = ""
    expires_at: datetime | None = None
    staged_version: str = ""
    username_version: str = ""
    previous_version: str = ""
    previous_token: str = ""
    previous_username: str = ""
    published_version: str = ""
    published_at: datetime | None = None
    adopted_at: datetime | None = None
    adoption_s: float | None = None
    proofs: tuple[str, ...] = ()
    error: str = ""
    detail: str = ""
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def id(self) -> str:
        """The rotation's name: `hub-3`."""
        return f"{self.credential}-{self.number}"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in SETTLED


class HubToken(msgspec.Struct, frozen=True):
    """A token as Docker Hub lists it, without its text."""

    id: str
    label: str
    is_active: bool = True
    expires_at: datetime | None = None


class IllegalStep(Exception):
    """The state machine has no such step."""


def begin(  # noqa: PLR0913 - what a rotation is begun with, each by name
    credential: str, number: int, provider: Provider, trigger: Trigger, now: datetime, *, revoke_first: bool = False
) -> Rotation:
    """A new rotation with its first step to do."""
    first = RotationState.REVOKING if revoke_first else RotationState.CREATING
    return Rotation(
        credential=credential,
        number=number,
        state=first,
        provider=provider,
        trigger=trigger,
        started_at=now,
        updated_at=now,
        not_before=now,
        timeline=(TimelineEntry(at=now, event="rotation.started", text=f"because of {trigger}"),),
    )


def step(rotation: Rotation, state: RotationState, now: datetime, text: str, **changed: object) -> Rotation:
    """The rotation with its next step to do, and a line on its timeline.

    Raises:
        IllegalStep: the state machine has no such step.
    """
    if state not in _NEXT[rotation.state]:
        raise IllegalStep(f"a rotation does not go from {rotation.state} to {state}")
    moved = msgspec.structs.replace(rotation, **({"not_before": now} | changed), state=state, updated_at=now)
    return note(moved, now, f"rotation.{state}", text)


def note(rotation: Rotation, now: datetime, event: str, text: str, **changed: object) -> Rotation:
    """The rotation with a line on its timeline, which keeps its first and its newest lines."""
    noted = msgspec.structs.replace(rotation, **changed)
    last = rotation.timeline[-1:] and rotation.timeline[-1]
    if last and (last.event, last.text) == (event, text):
        return noted
    timeline = (*rotation.timeline, TimelineEntry(at=now, event=event, text=text))
    if len(timeline) > MOST_TIMELINE:
        timeline = (timeline[0], *timeline[-(MOST_TIMELINE - 1) :])
    return msgspec.structs.replace(noted, timeline=timeline)


def label_prefix(credential: Credential) -> str:
    """What the labels of our tokens for a credential begin with.

    It is made from the secret's address: two installations that share an account never take each other's tokens for
    orphans, and a credential that is renamed in the policy keeps its own.
    """
    digest = hashlib.sha256(credential.secret_ids[1].lower().encode()).hexdigest()
    return f"cachewarden-{digest[:12]}-"


def label_of(credential: Credential, rotation: Rotation) -> str:
    """The label of a rotation's token."""
    return f"{label_prefix(credential)}{rotation.number}"


def orphans(tokens: Iterable[HubToken], prefix: str, keep: Iterable[str]) -> list[HubToken]:
    """The tokens of ours that nobody needs: all with our label but those to keep; a foreign token is never one."""
    kept = set(keep) - {""}
    return [token for token in tokens if token.label.startswith(prefix) and token.id not in kept]


def next_secret(name: str) -> str:
    """The secret beside a live one in which a new token waits: a person's, or ours until it is published."""
    return f"{name}-next"


def end_of_life(credential: Credential, now: datetime) -> datetime:
    """When a token minted now ends: late enough that Key Vault does not announce its end before it is due."""
    return now + min(credential.rotate_every + credential.grace + NEAR_EXPIRY, LONGEST_LIFE)


def due_at(credential: Credential, created: datetime) -> datetime:
    """When a live token is due: up to a tenth before its time, each credential at another point of it."""
    digest = hashlib.sha256(credential.secret_ids[1].lower().encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    return created + credential.rotate_every * (1 - share / 10)
