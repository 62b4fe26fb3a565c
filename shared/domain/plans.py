"""A plan: the ordered actions that are missing, and what becomes of each image (helper E2 completes this module)."""

import msgspec

from shared.domain.images import ImageReference


class CreateCredentialSet(msgspec.Struct, frozen=True, tag="create_credential_set", tag_field="kind"):
    """Create a credential set with a system-assigned identity."""

    name: str
    login_server: str
    username_secret: str
    token_secret: str
    why: str = ""


class GrantVaultAccess(msgspec.Struct, frozen=True, tag="grant_vault_access", tag_field="kind"):
    """Let a credential set's identity read its secrets.

    Attributes:
        vault: the vault's address, `https://<vault>`.
        secrets: the names of the secrets.
    """

    credential_set: str
    vault: str
    secrets: tuple[str, ...]
    why: str = ""


class CreateCacheRule(msgspec.Struct, frozen=True, tag="create_cache_rule", tag_field="kind"):
    """Create a cache rule."""

    name: str
    source: str
    target: str
    credential_set: str | None
    why: str = ""


class AttachCredentialSet(msgspec.Struct, frozen=True, tag="attach_credential_set", tag_field="kind"):
    """Give a rule the credential set that it lacks."""

    rule: str
    credential_set: str
    why: str = ""


type Action = CreateCredentialSet | GrantVaultAccess | CreateCacheRule | AttachCredentialSet


class Outcome(msgspec.Struct, frozen=True):
    """What the plan means for one image.

    Attributes:
        image: the canonical reference, or the text as it came when it is no reference.
        status: `covered`, `planned`, `blocked` or `ignored`.
        reason: why it is blocked or ignored, one of the design page's words; None otherwise.
        rule: the name of the rule that serves it, or will.
        pull_from: the reference to use from then on, tag and digest kept; None when nothing serves it.
        detail: the reason in a sentence for people, with what to do; empty when there is nothing to say.
    """

    image: str
    status: str
    reason: str | None = None
    rule: str | None = None
    pull_from: str | None = None
    detail: str = ""


class Plan(msgspec.Struct, frozen=True):
    """The ordered, minimal actions, and one outcome per image in the order of the input."""

    actions: tuple[Action, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class PlannedImage(msgspec.Struct, frozen=True):
    """One image to plan for: a reference, or the text that is none, with the cause when a failure named it."""

    text: str
    reference: ImageReference | None = None
    cause: str | None = None
