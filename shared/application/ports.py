"""The ports: what the use cases need of the outside, each in the use cases' own words.

Adapters implement them; tests hand in fakes that keep the same promises. Every method may raise `TemporaryError` (try
again later) or `PermanentError` (somebody has to change something), and nothing else on purpose.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice
from shared.domain.operations import Operation
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet, RegistrySnapshot
from shared.errors import CachewardenError, PermanentError, TemporaryError

_BEGINNING: Final = datetime(1601, 1, 1, tzinfo=UTC)
"""The earliest time that Azure Tables hold (documented)."""


class Changed(TemporaryError):
    """Somebody else changed the record since it was read."""

    code = "changed"


class Stored[T](msgspec.Struct, frozen=True):
    """A record as it was read, with the mark that a replacement must still find."""

    value: T
    etag: str


class Position(msgspec.Struct, frozen=True):
    """A place in a list that goes from the latest to the oldest; a page begins behind one.

    Attributes:
        at: the time by which the list is sorted, of the last thing before the place.
        key: what tells things of the same time apart, of the same thing.
    """

    at: datetime
    key: str


class Clock(Protocol):
    """Time, as the use cases see it."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""


class Incidents(Protocol):
    """The incidents, one record each."""

    async def get(self, incident_id: str) -> Stored[Incident] | None:
        """The incident, None when there is none."""

    async def insert(self, incident: Incident) -> Stored[Incident]:
        """Store a new incident; raises `Changed` when it exists."""

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Replace an incident as it was read; raises `Changed` when it was changed since."""

    def of_registry(self, registry_id: str, *, active_only: bool) -> AsyncIterator[Stored[Incident]]:
        """The incidents of a registry; `active_only` leaves out what is settled or waits for a person."""

    def newest(
        self,
        limit: int,
        *,
        states: frozenset[IncidentState] = frozenset(),
        naming: str = "",
        before: Position | None = None,
    ) -> AsyncIterator[Incident]:
        """The incidents of all registries, at most `limit`, latest change first.

        Args:
            limit: how many at most.
            states: only those in one of these states; empty: in any.
            naming: only those whose source repository has this text in it, in lower case.
            before: only what comes after this place; `key` is the incident's id.
        """

    async def counts(self) -> dict[IncidentState, int]:
        """How many incidents are in each state; states that none is in are left out."""


class Lease(msgspec.Struct, frozen=True):
    """The right to be the only one who changes something, until `expires_at`."""

    name: str
    holder: str
    expires_at: datetime
    etag: str


class Leases(Protocol):
    """Leases: insert-if-absent, expiring, renewed under an ETag."""

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """The lease, or None while somebody else's has not expired."""

    async def renew(self, lease: Lease, seconds: float) -> Lease:
        """The lease with a later end; raises `Changed` when it was lost."""

    async def release(self, lease: Lease) -> None:
        """Give it back; a lease that was lost is left alone."""


class Delivery(msgspec.Struct, frozen=True):
    """One delivery of an event.

    Attributes:
        key: what makes it one: the same delivery sent again has the same key.
        received_at: when it first arrived.
        outcome: None while it is not processed; then `incident`, `credential`, `ignored`, `failed` or `dead-letter`.
        summary: what came of it, in a few words; for `ignored` the reason.
        unread: the log sources that refused or answered in part when it was worked on.
    """

    key: str
    received_at: datetime
    outcome: str | None = None
    summary: str = ""
    unread: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the same delivery again has nothing to do; a dead letter may be replayed."""
        return self.outcome not in {None, DEAD_LETTER}

    @property
    def reason(self) -> str:
        """Why it was ignored, without the counts: `resolved`, `no_image, dns`; empty for other outcomes."""
        if self.outcome != IGNORED:
            return ""
        return ", ".join(part.split()[0] for part in self.summary.split(",") if part.strip())[:200] or "unknown"


DEAD_LETTER = "dead-letter"
"""The outcome of a delivery that was given up."""

IGNORED = "ignored"
"""The outcome of a delivery that was left alone."""

PENDING = "pending"
"""Stands for the outcome of a delivery that is not processed yet."""


class Totals(msgspec.Struct, frozen=True):
    """Every arrival, counted by what became of it.

    Attributes:
        received: how many deliveries arrived, the same one again counted again.
        duplicates: how many of them were the same one again.
        outcomes: outcome → how many of the others; `pending` for what is not processed.
        ignored: reason → how many of those with the outcome `ignored`.
        unread: log source → how many deliveries were judged without it, or with a part of it.
    """

    received: int
    duplicates: int
    outcomes: dict[str, int]
    ignored: dict[str, int]
    unread: dict[str, int] = {}

    @property
    def add_up(self) -> bool:
        """Whether every arrival is accounted for, once."""
        return self.received == self.duplicates + sum(self.outcomes.values()) and sum(
            self.ignored.values()
        ) == self.outcomes.get("ignored", 0)


class Deliveries(Protocol):
    """Processed deliveries, so that the same one twice is one."""

    async def arrived(self, key: str, now: datetime) -> Delivery:
        """Count an arrival, and the delivery's record, made if there is none."""

    async def totals(self) -> Totals:
        """What has arrived and what became of it, as far as it is kept."""

    async def begin(self, key: str, now: datetime) -> Delivery:
        """The delivery's record, made if there is none."""

    async def finish(self, key: str, outcome: str, summary: str, *, unread: tuple[str, ...] = ()) -> None:
        """Record what came of it, and which log sources had no full say."""


class Payloads(Protocol):
    """Alerts that are larger than a queue message."""

    async def put(self, key: str, body: bytes) -> None:
        """Keep it; the same key again replaces it."""

    async def get(self, key: str) -> bytes | None:
        """The payload, None when it is gone."""

    async def delete(self, key: str) -> None:
        """Forget it."""


class RowState(StrEnum):
    """Where one notice stands at one channel: `quiet` and `storm` are left out there or come in a summary."""

    WAITING = "waiting"
    SENT = "sent"
    QUIET = "quiet"
    STORM = "storm"
    LOST = "lost"


class OutboxMark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A row's place in the list of all; the later, the newer."""

    queued_at: datetime
    subject: str
    row: str


class OutboxRow(msgspec.Struct, frozen=True):
    """One notice for one channel.

    Attributes:
        subject: the notice's subject.
        row: `notice id - channel`, its key within the subject.
        sent_at: when the channel took it, None while it has not.
        attempts: how often it was tried.
        error: why it will never be sent, None otherwise.
        queued_at: when it was written; a channel gets the notices about one subject in this order.
        held: why it is not sent by itself: `quiet` or `storm`; None where it is.
        trouble: what the channel said last, None where it said nothing yet.
        trace: the trace (W3C `traceparent`) of the work that wrote it, empty where there was none.
        due_at: when its message comes again, None while its first one is on the way.
    """

    subject: str
    row: str
    channel: str
    notice: Notice
    sent_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    queued_at: datetime | None = None
    held: str | None = None
    trouble: str | None = None
    trace: str = ""
    due_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether there is something left to do for it."""
        return self.state is RowState.WAITING

    @property
    def state(self) -> RowState:
        """Where it stands."""
        if self.error is not None:
            return RowState.LOST
        if self.held is not None:
            return RowState(self.held)
        return RowState.WAITING if self.sent_at is None else RowState.SENT

    @property
    def mark(self) -> OutboxMark:
        """Its place in the list of all; a row without a time is older than every other."""
        return OutboxMark(self.queued_at or _BEGINNING, self.subject, self.row)


class OutboxQuestion(msgspec.Struct, frozen=True):
    """Which rows are asked for; what is None does not matter."""

    subject: str | None = None
    channel: str | None = None
    kind: NoticeKind | None = None
    state: RowState | None = None


class Outbox(Protocol):
    """Notices that wait for their channel, and what became of them."""

    async def add(self, row: OutboxRow) -> None:
        """Store the row; one that is there already stays as it is."""

    async def get(self, subject: str, row: str) -> Stored[OutboxRow] | None:
        """The row, None when there is none."""

    async def replace(self, stored: Stored[OutboxRow], row: OutboxRow) -> None:
        """Replace a row as it was read; raises `Changed` when it was changed since."""

    def about(self, subject: str) -> AsyncIterator[OutboxRow]:
        """The rows about a subject."""

    def newest(self, question: OutboxQuestion, limit: int, *, behind: OutboxMark | None) -> AsyncIterator[OutboxRow]:
        """The rows that a question selects, at most `limit`, the newest first, from behind a mark on."""

    async def counts(self) -> Mapping[str, Mapping[RowState, int]]:
        """Channel → how many of its rows are in which state."""


class Queue(Protocol):
    """The Storage queues."""

    async def send(self, queue: str, body: bytes, *, delay_s: float = 0) -> None:
        """Put a message on a queue, seen after `delay_s` seconds; the queue is made when it is missing."""


class LogRows(msgspec.Struct, frozen=True):
    """The rows of one query.

    Attributes:
        rows: column name → value; datetimes aware, `None` where the cell is null.
        partial: the service says that some are missing.
    """

    rows: Sequence[Mapping[str, Any]]
    partial: bool = False


class TableMissing(PermanentError):
    """A workspace has no such table; a source is then skipped."""

    code = "table_missing"


class Logs(Protocol):
    """Log Analytics."""

    async def query(self, workspace_id: str, kql: str, *, start: datetime, end: datetime) -> LogRows:
        """Run a query over a window; raises `TableMissing` when it names a table that the workspace lacks."""


class OperationUntold(PermanentError):
    """A cache rule or credential set could not be made, and Azure no longer says why."""

    code = "operation_untold"
    hint = "Look at the registry's activity log; making it again tells the reason."


class Registries(Protocol):
    """Registries' cache rules and credential sets in ARM.

    What is created takes Azure a while: the answer is the operation that runs then, or None when what is wanted is
    there. One of that name that is there and differs is a `PermanentError`.
    """

    async def read(self, registry_id: str) -> RegistrySnapshot:
        """Rules and credential sets as they are now; `repositories` empty, `vault_access` None."""

    async def credential_set(self, registry_id: str, name: str) -> CredentialSet | None:
        """One credential set with its health, None when there is none."""

    async def create_credential_set(self, registry_id: str, action: CreateCredentialSet) -> Operation | None:
        """Create it."""

    async def create_cache_rule(self, registry_id: str, action: CreateCacheRule) -> Operation | None:
        """Create it."""

    async def attach_credential_set(self, registry_id: str, action: AttachCredentialSet) -> Operation | None:
        """Give a rule its credential set."""

    async def until_ended(self, registry_id: str, operation: Operation) -> CachewardenError | None:
        """Wait for the end of an operation, also of one that another worker began.

        Returns:
            What it failed of, `OperationUntold` where that is not known any more; None when it did not fail.

        Raises:
            TemporaryError: the end can't be told now; the operation goes on.
        """


class VaultAccess(Protocol):
    """Who may read which secret of a vault."""

    async def granted(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> bool:
        """Whether the principal holds Key Vault Secrets User on the vault or on each of the secrets."""

    async def grant(self, vault_id: str, secrets: Sequence[str], principal_id: str) -> None:
        """Give it Key Vault Secrets User on each of the secrets; what it has already stays."""

    async def vault_id(self, vault: str, subscription_id: str) -> str:
        """The ARM id of the vault at an address; raises `PermanentError` when it can't be found."""


class ServedManifest(msgspec.Struct, frozen=True):
    """A manifest that a registry served.

    Attributes:
        digest: the digest of the bytes that came, computed here.
        media_type: what it is.
        origin: `upstream` while ACR fetches it, `cache` when it serves its own copy.
        platforms: for an index, the digests of its image manifests by platform (`linux/amd64`); else empty.
    """

    digest: str
    media_type: str
    origin: str
    platforms: Mapping[str, str] = {}


class NotServed(TemporaryError):
    """The registry does not serve the manifest yet, or refuses it for a reason that may pass; `code` is its own."""

    code = "not_served"


class NotThere(NotServed):
    """The registry has no such manifest, or not yet."""

    code = "not_there"


class PullRefused(PermanentError):
    """The registry refuses the manifest for a reason that does not pass by itself; `code` is its own."""

    code = "pull_refused"


class RegistryContent(Protocol):
    """A registry's data plane."""

    async def repositories(self, login_server: str) -> frozenset[str]:
        """The names of the repositories that exist."""

    async def manifest(self, login_server: str, repository: str, reference: str) -> ServedManifest:
        """Pull a manifest by tag or digest; raises `NotServed` or `PullRefused`."""


class Channel(Protocol):
    """One way to tell people."""

    async def send(self, notice: Notice) -> None:
        """Hand the notice over; the same notice again carries the same id."""
