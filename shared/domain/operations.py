"""Long-running operations: what Resource Manager has accepted and does in its own time, and what they are about.

The trap: a cache rule and a credential set of one registry may have the same name, so a name alone is no key.
"""

from typing import Final

import msgspec

from shared.domain.plans import Action, AttachCredentialSet, CreateCacheRule, CreateCredentialSet, GrantVaultAccess

_RULES: Final = "cacheRules/"
_SETS: Final = "credentialSets/"


class Operation(msgspec.Struct, frozen=True):
    """A write to a cache rule or credential set that was accepted and whose end nobody of us has seen yet.

    Attributes:
        resource: `cacheRules/<name>` or `credentialSets/<name>`.
        status: where its end is told: path and query below Resource Manager's endpoint, never a whole address, so that
            nothing that is stored chooses where a token goes. It may carry a signature: it is in no log, no notice and
            no answer. Empty where Resource Manager named none; then the resource itself tells.
    """

    resource: str
    status: str = ""


def rule_resource(name: str) -> str:
    """The path of a cache rule below its registry's id."""
    return f"{_RULES}{name}"


def set_resource(name: str) -> str:
    """The path of a credential set below its registry's id."""
    return f"{_SETS}{name}"


def is_rule(resource: str) -> bool:
    """Whether a path below a registry's id is a cache rule's."""
    return resource.startswith(_RULES)


def changed_by(action: Action) -> str:
    """The path of what an action makes or changes; for access to a vault, of the credential set that gets it."""
    match action:
        case CreateCacheRule(name=name) | AttachCredentialSet(rule=name):
            return rule_resource(name)
        case CreateCredentialSet(name=name) | GrantVaultAccess(credential_set=name):
            return set_resource(name)


def needed_set(action: Action) -> str | None:
    """The name of the credential set that has to be there before an action, None when it needs none."""
    match action:
        case CreateCacheRule() | AttachCredentialSet() | GrantVaultAccess():
            return action.credential_set
        case CreateCredentialSet():
            return None
