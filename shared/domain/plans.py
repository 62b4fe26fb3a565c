"""A plan: the ordered actions that are missing, and what becomes of each image.

A plan is a value that people read, approve and compare. What was approved is named by its hash, which leaves out the
explanations: better words do not ask for a new yes, another action does.
"""

import hashlib
from enum import StrEnum

import msgspec

from shared.domain.images import ImageReference


class Status(StrEnum):
    """What a plan means for one image."""

    COVERED = "covered"
    PLANNED = "planned"
    BLOCKED = "blocked"
    IGNORED = "ignored"


class Blocked(StrEnum):
    """Why nothing can be done for an image until a person changes something."""

    UPSTREAM_NOT_SUPPORTED = "upstream_not_supported"
    UPSTREAM_NOT_IN_POLICY = "upstream_not_in_policy"
    DENIED_BY_POLICY = "denied_by_policy"
    TARGET_REPOSITORY_EXISTS = "target_repository_exists"
    OVERLAPS_RULE = "overlaps_rule"
    RULE_QUOTA_REACHED = "rule_quota_reached"
    CREDENTIAL_MISSING = "credential_missing"
    INVALID_REFERENCE = "invalid_reference"


class CreateCredentialSet(msgspec.Struct, frozen=True, tag="create_credential_set", tag_field="kind"):
    """Create a credential set with a system-assigned identity.

    Attributes:
        login_server: the upstream that it logs in to.
        username_secret: the versionless Key Vault id of the user name: `https://<vault>/secrets/<name>`.
        token_secret: the versionless Key Vault id of the token.
        why: why it is needed, for people.
    """

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
        why: why it is needed, for people.
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
        status: what becomes of it.
        reason: why it is blocked or ignored: a word of `Blocked`, a cause, or another word; None otherwise.
        rule: the name of the rule that serves it, or will.
        pull_from: the reference to use from then on, tag and digest kept; None when nothing serves it.
        detail: the reason in a sentence for people, with what to do; empty when there is nothing to say.
    """

    image: str
    status: Status
    reason: str | None = None
    rule: str | None = None
    pull_from: str | None = None
    detail: str = ""


class Plan(msgspec.Struct, frozen=True):
    """The ordered, minimal actions, and one outcome per image in the order of the input."""

    actions: tuple[Action, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


class PlannedImage(msgspec.Struct, frozen=True):
    """One image to plan for.

    Attributes:
        text: the reference or the failure's text as it came.
        reference: the image, None when the text names none.
        cause: why the pull failed, None for a bare reference, which counts as rate-limited.
        cache_rule: the rule that the failure names, None when it names none.
    """

    text: str
    reference: ImageReference | None = None
    cause: str | None = None
    cache_rule: str | None = None


def plan_hash(plan: Plan) -> str:
    """64 hex digits that name a plan's actions, whatever their order and explanations."""
    bare = sorted(msgspec.json.encode(msgspec.structs.replace(action, why="")) for action in plan.actions)
    return hashlib.sha256(b"\n".join(bare)).hexdigest()
