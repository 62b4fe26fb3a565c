"""What people are told about credentials: rotations, what is left to them, and pulls that run out."""

from datetime import datetime

from shared.domain.counting import counted
from shared.domain.headroom import Level, Outlook, Reading
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, Severity, notice_id
from shared.domain.policy_credentials import Credential, Provider
from shared.domain.rotation import Rotation, RotationState, next_secret

_KINDS = {
    RotationState.TESTING: NoticeKind.ROTATION_STARTED,
    RotationState.WAITING: NoticeKind.ROTATION_ACTION_NEEDED,
    RotationState.RETIRING: NoticeKind.ROTATION_SUCCEEDED,
    RotationState.FAILED: NoticeKind.ROTATION_FAILED,
}
MOST_STEPS = 12
"""Lines of a rotation's timeline that a notice carries."""

_SEVERITIES = {
    NoticeKind.ROTATION_ACTION_NEEDED: Severity.WARNING,
    NoticeKind.ROTATION_FAILED: Severity.CRITICAL,
}
_NEXT_STEPS = {
    NoticeKind.ROTATION_STARTED: "Nothing to do; you hear when the registries work with the new token.",
    NoticeKind.ROTATION_ACTION_NEEDED: "Write a new token into the secret {secret}; the rest is done from there.",
    NoticeKind.ROTATION_SUCCEEDED: "Nothing to do, unless the token before it was made by hand.",
    NoticeKind.ROTATION_FAILED: "It is tried again when it is next due; to do it now: cachewarden rotate {name}.",
}
_FALLBACKS = {
    "owner_login_refused": "Docker Hub refuses the owner's login: a wrong password, a second factor or single sign-on",
    "owner_secret_missing": "the vault has no owner's secret that can be read, or the policy names none",
    "minting_forbidden": "the owner's login may not manage these tokens, or the organization's plan has none",
    "mint_refused": "Docker Hub refuses to make a token, for a reason that it does not document",
    "no_free_slot": "the organization has no room for another token; expired ones count, so delete those first",
    "second_factor": "the owner's account has a second factor, and then only people can log in to it",
}


def steps_for_a_person(credential: Credential, fallback: str) -> str:
    """What a person does to give a credential a new token."""
    why = _FALLBACKS.get(fallback, fallback)
    begin = f"It can't be minted here: {why}. " if why else ""
    if credential.provider is Provider.ORGANIZATION:
        make = "make an organization access token that may pull public repositories (Image Pull)"
    else:
        make = "make a personal access token with the permission Public Repo Read-only"
    name = next_secret(credential.token_secret)
    return (
        f"{begin}1. On Docker Hub, {make} and an end. 2. Write it into the Key Vault secret {name}, with the same end. "
        "It is tested, published and adopted from there. 3. When you are told that it was adopted, delete the old one."
    )


def rotation_notice(rotation: Rotation, credential: Credential, now: datetime) -> Notice | None:
    """The notice that a rotation's new state calls for, None for a state that nobody waits for."""
    kind = _KINDS.get(rotation.state)
    if kind is None:
        return None
    subject = f"rotations/{rotation.id}"
    summary, detail = _words(rotation, credential)
    facts = {"credential": rotation.credential, "trigger": str(rotation.trigger), "provider": str(rotation.provider)}
    if rotation.expires_at is not None:
        facts["token expires"] = rotation.expires_at.isoformat(timespec="minutes")
    if rotation.adoption_s is not None:
        facts["adopted after"] = f"{rotation.adoption_s:.0f} s"
    for number, proof in enumerate(rotation.proofs, 1):
        facts[f"proof {number}"] = proof
    facts |= _steps_so_far(rotation)
    return Notice(
        id=notice_id(kind, subject, (rotation.state, rotation.error, rotation.fallback, rotation.staged_version)),
        kind=kind,
        subject=subject,
        severity=_SEVERITIES.get(kind, Severity.INFO),
        summary=summary,
        at=now,
        reason=rotation.error or rotation.fallback or None,
        detail=detail,
        facts=facts,
        next_step=_NEXT_STEPS[kind].format(name=rotation.credential, secret=next_secret(credential.token_secret)),
    )


def _steps_so_far(rotation: Rotation) -> dict[str, str]:
    """The first line of the rotation's timeline and its newest ones; the app's API has all of them."""
    lines = list(enumerate(rotation.timeline, 1))
    shown = lines if len(lines) <= MOST_STEPS else [lines[0], *lines[-(MOST_STEPS - 1) :]]
    return {f"step {number}": f"{line.at:%Y-%m-%d %H:%M:%S} UTC {line.text}" for number, line in shown}


def _words(rotation: Rotation, credential: Credential) -> tuple[str, str]:
    name = rotation.credential
    match rotation.state:
        case RotationState.WAITING:
            return f"the credential {name} needs a new token from a person", steps_for_a_person(
                credential, rotation.fallback
            )
        case RotationState.RETIRING:
            old = (
                "The one before it is deleted after the grace period."
                if rotation.previous_token
                else "The one before it was made by hand: delete it on Docker Hub when the grace period is over."
            )
            return f"the credential {name} has a new token, and the registries work with it", old
        case RotationState.FAILED:
            return f"the rotation of {name} failed: {rotation.error}", rotation.detail
        case _:
            return f"the token of {name} is being replaced", f"because of {rotation.trigger}"


def reminder(name: str, credential: Credential, now: datetime, *, days: int, ends: datetime) -> Notice:
    """The reminder that a person's token ends in so many days."""
    subject = f"credentials/{name}"
    when = "has ended" if days <= 0 else f"ends in {counted(days, 'day')}"
    return Notice(
        id=notice_id(NoticeKind.ROTATION_REMINDER, subject, (ends, days)),
        kind=NoticeKind.ROTATION_REMINDER,
        subject=subject,
        severity=Severity.CRITICAL if days <= 1 else Severity.WARNING,
        summary=f"the Docker Hub token of {name} {when}",
        at=now,
        detail=steps_for_a_person(credential, ""),
        facts={"credential": name, "ends": ends.isoformat(timespec="minutes")},
        next_step=_NEXT_STEPS[NoticeKind.ROTATION_ACTION_NEEDED].format(secret=next_secret(credential.token_secret)),
    )


def headroom_notice(window: str, reading: Reading, seen: Outlook) -> Notice | None:
    """The notice that pulls run out, or have run out; None while there are enough or nobody can tell."""
    if seen.level not in {Level.LOW, Level.EXHAUSTED}:
        return None
    gone = seen.level is Level.EXHAUSTED
    kind = NoticeKind.HEADROOM_EXHAUSTED if gone else NoticeKind.HEADROOM_LOW
    subject = f"credentials/{window}"
    whose = f"the account of {window}" if reading.by_account else "the app's own address"
    facts = {"window": whose, "limit": str(reading.limit), "remaining": str(reading.remaining)}
    when = ""
    if seen.empty_at is not None and not gone:
        off = round(seen.uncertainty.total_seconds() / 60)
        facts["empty at"] = f"{seen.empty_at.isoformat(timespec='minutes')}, give or take {counted(off, 'minute')}"
        when = f"; at this rate none is left at {seen.empty_at:%H:%M} UTC"
    left = "no pulls are" if gone else counted(reading.remaining or 0, "pull is", "pulls are")
    summary = f"{left} left for {whose}{when}"
    hours = reading.at.replace(minute=0, second=0, microsecond=0)
    return Notice(
        id=notice_id(kind, subject, (hours.replace(hour=hours.hour // 6 * 6),)),
        kind=kind,
        subject=subject,
        severity=Severity.CRITICAL if gone else Severity.WARNING,
        summary=summary,
        at=reading.at,
        upstream="docker.io",
        detail="What is cached is still served. A paid plan has no pull limit; several accounts are no way out.",
        facts=facts,
        next_step="Look for a workload that pulls again and again."
        + (" New images are not cached until the window ends." if gone else ""),
    )
