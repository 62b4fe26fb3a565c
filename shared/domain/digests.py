"""The daily digest: what the last day brought, and what is still open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final

from shared.domain.incidents import Incident, IncidentState
from shared.domain.notice_kinds import NoticeKind, Severity
from shared.domain.notices import Notice, notice_id

_DAY: Final = timedelta(days=1)
_LATEST: Final = timedelta(hours=6)
_MOST_LINES: Final = 10
_OPEN: Final = {
    IncidentState.AWAITING_APPROVAL: "waits for approval",
    IncidentState.BLOCKED: "can't be cached",
    IncidentState.FAILED: "failed",
}


def digest_due(at: str, now: datetime) -> bool:
    """Whether the digest of the day has to be out: from `at` (`07:00`, UTC) on, for some hours and no longer."""
    begins = datetime.combine(now.date(), time.fromisoformat(at), tzinfo=now.tzinfo)
    return begins <= now < begins + _LATEST


def daily_digest(incidents: Sequence[Incident], troubled: Mapping[str, str | None], now: datetime) -> Notice:
    """The digest of a day, one per date.

    Args:
        incidents: the incidents, latest change first.
        troubled: channels that don't work now, with what they last said.
        now: the time, in UTC.
    """
    recent = [incident for incident in incidents if now - incident.updated_at < _DAY]
    still_open = [incident for incident in incidents if incident.state in _OPEN]
    unchanged = [i for i in recent if i.state is IncidentState.VERIFIED and _still_pulled(i)]
    counted = Counter(incident.state for incident in recent)
    facts = {f"{state} in the last day": str(count) for state, count in counted.most_common()}
    facts |= {i.source: _OPEN[i.state] + (f": {i.reason}" if i.reason else "") for i in still_open[:_MOST_LINES]}
    facts |= {
        i.source: "is served from the registry, and a workload still pulls it from the upstream"
        for i in unchanged[:_MOST_LINES]
    }
    facts |= {f"channel {name}": f"in trouble: {error}" for name, error in troubled.items()}
    subject = f"digests/{now:%Y-%m-%d}"
    waiting = len(still_open) + len(unchanged) + len(troubled)
    return Notice(
        id=notice_id(NoticeKind.DIGEST_DAILY, subject, ()),
        kind=NoticeKind.DIGEST_DAILY,
        subject=subject,
        severity=Severity.WARNING if waiting else Severity.INFO,
        summary=f"Incidents that changed in the last day: {len(recent)}. What waits for somebody: {waiting}.",
        at=now,
        facts=facts,
        next_step="Look at what waits for somebody." if waiting else "Nothing to do.",
    )


def _still_pulled(incident: Incident) -> bool:
    """Whether it failed again after everything was proven, so that a reference was not changed."""
    return bool(incident.proofs) and incident.last_seen > max(proof.at for proof in incident.proofs)
