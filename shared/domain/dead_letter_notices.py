"""What people are told about a dead letter."""

from datetime import datetime

from shared.domain.dead_letters import DeadLetter
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, Severity, notice_id


def dead_letter_notice(letter: DeadLetter, now: datetime) -> Notice:
    """The notice that a letter was given up; a death after a replay is told again."""
    subject = f"dead-letters/{letter.id}"
    last = letter.failures[-1] if letter.failures else None
    return Notice(
        id=notice_id(NoticeKind.DEAD_LETTER_ADDED, subject, (letter.deaths,)),
        kind=NoticeKind.DEAD_LETTER_ADDED,
        subject=subject,
        severity=Severity.CRITICAL,
        summary=f"A message of {letter.origin} could not be processed and waits to be replayed",
        at=now,
        reason=last.code if last else None,
        detail=last.text if last else "No attempt left an error: the process died each time, or the host refused it.",
        facts={
            "origin": letter.origin,
            "first seen": letter.first_seen.isoformat(),
            "attempts": str(last.attempt if last else 0),
        },
        next_step=f"Mend the cause, then POST /api/dead-letters/{letter.id}/replay.",
    )
