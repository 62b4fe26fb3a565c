"""Event Grid events: both schemas read into one form, and the few hints that we take from them.

Whoever has the host's system key can post an event, so an event is a hint to look and nothing more: ids are compared
with the policy's, names must have the form of names, and what happened is read again from ARM or the registry. Claims
of Resource Manager's events hold names and addresses of people; of who changed something, only the object id is kept.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from shared.domain.cache_rules import REPOSITORY_PATTERN
from shared.errors import PermanentError

_REGISTRY = r"/subscriptions/[^/]{1,64}/resourcegroups/[^/]{1,90}/providers/microsoft\.containerregistry/registries/"
_REGISTRY_ID = re.compile(rf"{_REGISTRY}[a-z0-9]{{5,50}}", re.IGNORECASE)
_CHILD = re.compile(rf"({_REGISTRY}[a-z0-9]{{5,50}})/(cacherules|credentialsets)/([a-z0-9-]{{1,50}})", re.IGNORECASE)
_REPOSITORY = re.compile(REPOSITORY_PATTERN)
_HELM2_CHART = "application/vnd.acr.helm.chart"
"""A chart in ACR's old chart store, which the registry's OCI interface does not have (documented sample)."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REGISTRY_TYPES = frozenset({"ImagePushed", "ImageDeleted", "ChartPushed", "ChartDeleted"})
GUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


class EventUnreadable(PermanentError):
    """An event has not the form that Event Grid documents."""

    code = "event_unreadable"
    hint = "Look at the dead letter; Event Grid sends what it documents, so somebody else may post to the webhook."


class Event(msgspec.Struct, frozen=True):
    """An event in either schema.

    Attributes:
        topic: the resource that it is about, an ARM id.
        type: its type as it was written, with or without the provider's name.
    """

    id: str
    topic: str
    type: str
    subject: str
    at: datetime
    data: Mapping[str, Any]

    def key_at(self, trigger: str) -> str:
        """What makes a delivery of it to a trigger the same delivery; ids are unique within a topic (documented)."""
        return "event-" + hashlib.sha256(f"{trigger}\n{self.topic.lower()}\n{self.id}".encode()).hexdigest()[:32]

    @property
    def short_type(self) -> str:
        """The type without its provider: the samples of ACR's own page have it so (documented)."""
        return self.type.rpartition(".")[2]


class PushHint(msgspec.Struct, frozen=True, tag="push"):
    """An image or a chart was pushed, or a copy through a rule was completed.

    Attributes:
        references: what to read it by, best first: the digest, the tag, the chart's version.
        absent: why the registry may never serve it, so that it is not waited for; empty when it will.
    """

    registry_id: str
    repository: str
    references: tuple[str, ...]
    absent: str = ""


class DeleteHint(msgspec.Struct, frozen=True, tag="delete"):
    """An image was deleted, at a time."""

    registry_id: str
    repository: str
    at: datetime


class ChangeHint(msgspec.Struct, frozen=True, tag="change"):
    """A cache rule or a credential set was written or deleted.

    Attributes:
        kind: `cacheRules` or `credentialSets`.
        name: its name, as the event has it.
        deleted: whether the event says that it was deleted, else written.
        by: the object id of who did it, empty when the event does not say.
        at: when.
        found: nobody told of it, it was found; `at` is when.
    """

    registry_id: str
    kind: str
    name: str
    deleted: bool
    by: str
    at: datetime
    found: bool = False


class NotForUs(msgspec.Struct, frozen=True):
    """An event that is left alone, with the reason in one word."""

    reason: str


class _EventGrid(msgspec.Struct, rename="camel"):
    id: str
    event_type: str
    event_time: datetime
    topic: str = ""
    subject: str = ""
    data: Mapping[str, Any] | None = None


class _Cloud(msgspec.Struct):
    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    data: Mapping[str, Any] | None = None


def read_event(document: Mapping[str, Any], now: datetime) -> Event:
    """The event in a delivered document; one without a time is taken to have happened now.

    Raises:
        EventUnreadable: it is in neither schema, or holds texts that nothing can store.
    """
    try:
        event = _convert(document, now)
    except msgspec.ValidationError as error:
        raise EventUnreadable(f"the event has neither schema of Event Grid: {error}") from error
    except UnicodeEncodeError as error:  # of a time, which is read as it is converted
        raise EventUnreadable("the event has a time that is no Unicode") from error
    if not is_unicode(event.id + event.topic + event.type + event.subject):
        raise EventUnreadable("the event has a text that is no Unicode: id, topic, type or subject")
    return event


def is_unicode(text: str) -> bool:
    """Whether a text can be stored and hashed; JSON can spell half a surrogate pair, which is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _convert(document: Mapping[str, Any], now: datetime) -> Event:
    if "specversion" in document:
        cloud = msgspec.convert(document, _Cloud)
        at = _in_utc(cloud.time) if cloud.time else now
        return Event(cloud.id, cloud.source, cloud.type, cloud.subject or "", at, cloud.data or {})
    grid = msgspec.convert(document, _EventGrid)
    return Event(grid.id, grid.topic, grid.event_type, grid.subject, _in_utc(grid.event_time), grid.data or {})


def _in_utc(at: datetime) -> datetime:
    """A time without a zone is taken to be in UTC, as Event Grid's are; the worker leaves it without one (observed)."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def registry_hint(event: Event) -> PushHint | DeleteHint | NotForUs:
    """What an event of a registry hints at.

    A connected registry's events name its parent as their topic (documented: `data.connectedRegistry`). What is pushed
    there may reach the parent later, and the parent then tells of it itself; what is deleted there is not gone here.
    """
    kind = event.short_type
    if kind not in REGISTRY_TYPES:
        return NotForUs("not_a_registry_event")
    if _REGISTRY_ID.fullmatch(event.topic) is None:
        return NotForUs("topic_is_no_registry")
    target = event.data.get("target")
    repository = target.get("repository") if isinstance(target, Mapping) else None
    if not isinstance(target, Mapping) or not isinstance(repository, str) or _REPOSITORY.fullmatch(repository) is None:
        raise EventUnreadable("the event names no repository that ACR could have: data.target.repository expected")
    if kind == "ChartDeleted":
        return NotForUs("chart_deleted")
    connected = event.data.get("connectedRegistry") is not None
    if kind == "ImageDeleted" and connected:
        return NotForUs("connected_registry")
    if kind == "ImageDeleted":
        return DeleteHint(event.topic, repository, event.at)
    texts = (target.get("digest"), target.get("tag"), target.get("version"))
    references = tuple(
        text for text in texts if isinstance(text, str) and (_DIGEST.fullmatch(text) or _TAG.fullmatch(text))
    )
    if not references:
        raise EventUnreadable("the event names neither digest nor tag: data.target.digest expected")
    absent = "not_synchronized" if connected else "helm2_chart" if target.get("mediaType") == _HELM2_CHART else ""
    return PushHint(event.topic, repository, references, absent)


def resource_hint(event: Event) -> ChangeHint | NotForUs:
    """What an event of Resource Manager hints at; the subject's letter case varies (documented)."""
    if event.short_type not in {"ResourceWriteSuccess", "ResourceDeleteSuccess"}:
        return NotForUs("not_a_change")
    child = _CHILD.fullmatch(event.subject)
    if child is None:
        return NotForUs("not_a_rule_or_credential_set")
    registry_id, kind, name = child.groups()
    return ChangeHint(
        registry_id=registry_id,
        kind={"cacherules": "cacheRules", "credentialsets": "credentialSets"}[kind.lower()],
        name=name,
        deleted=event.short_type == "ResourceDeleteSuccess",
        by=_changed_by(event.data),
        at=event.at,
    )


def _changed_by(data: Mapping[str, Any]) -> str:
    authorization, claims = data.get("authorization"), data.get("claims")
    evidence = authorization.get("evidence") if isinstance(authorization, Mapping) else None
    told = (
        evidence.get("principalId") if isinstance(evidence, Mapping) else None,
        claims.get(OBJECT_ID) if isinstance(claims, Mapping) else None,
    )
    return next((_object_id(one) for one in told if isinstance(one, str) and GUID.fullmatch(one)), "")


def _object_id(text: str) -> str:
    return str(UUID(text))
