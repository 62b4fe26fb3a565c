"""What people are told when a credential needs somebody and nothing is rotated."""

from datetime import datetime
from urllib.parse import urlsplit

from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice, Severity, notice_id
from shared.domain.policy_credentials import Credential
from shared.domain.rotation import Trigger


def trouble(  # noqa: PLR0913 - a notice's texts, each by name
    name: str, now: datetime, *, code: str, told: object, summary: str, detail: str
) -> Notice:
    """The notice that somebody has to look at a credential although nothing is rotated."""
    subject = f"credentials/{name}"
    return Notice(
        id=notice_id(NoticeKind.ROTATION_ACTION_NEEDED, subject, (code, told)),
        kind=NoticeKind.ROTATION_ACTION_NEEDED,
        subject=subject,
        severity=Severity.WARNING,
        summary=summary,
        at=now,
        reason=code,
        detail=detail,
        facts={"credential": name},
        next_step="Nothing is done by itself: somebody has to act.",
    )


def refused(name: str, now: datetime, *, versions: tuple[str, str], code: str, text: str) -> Notice:
    """The notice that Docker Hub refuses what a person wrote; `versions` are the token's and the user name's."""
    summary = f"somebody wrote a new version of a secret of {name}, and Docker Hub refuses the pair"
    detail = f"Pulls through the cache fail or will. Write the right one, or: cachewarden rotate {name}. {text}"
    return trouble(name, now, code=code, told=versions, summary=summary, detail=detail)


def blamed_wrongly(name: str, now: datetime, *, by: str) -> Notice:
    """The notice that ACR calls a credential bad which Docker Hub accepts; `by` is the credential set and its code."""
    summary = f"ACR calls the credential {name} bad, but Docker Hub accepts it"
    detail = (
        f"{by}. Nothing is rotated, since a new token would be called bad too. Look at the credential set's "
        "identity and its access to the vault; ACR has erred in this before."
    )
    return trouble(name, now, code="blamed_wrongly", told=(by, now.date()), summary=summary, detail=detail)


def secret_missing(name: str, credential: Credential, now: datetime, *, code: str, text: str) -> Notice:
    """The notice that a live secret is not in the vault, and how a person gets it back."""
    vault = (urlsplit(credential.vault).hostname or "").partition(".")[0]
    summary = f"a secret of the credential {name} is not in the vault"
    detail = (
        f"{text}, so the registry can't log in. Was it deleted? Then `cachewarden rotate {name}` recovers it and "
        f"replaces the token; az keyvault secret recover --vault-name {vault} --name <name> only recovers it."
    )
    return trouble(name, now, code=code, told=now.date(), summary=summary, detail=detail)


def rotation_due(name: str, now: datetime, *, trigger: Trigger) -> Notice:
    """The notice that a credential is due for a new token under a policy that lets only people begin."""
    summary = f"the credential {name} is due for a new token ({trigger}), and the policy's mode lets nobody act"
    detail = f"To have it done now: cachewarden rotate {name}."
    return trouble(name, now, code="rotation_due", told=(trigger, now.date()), summary=summary, detail=detail)
