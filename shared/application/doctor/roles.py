"""What the app may do: the effective rights that ARM names, held against what a cure and a rotation ask for.

Inside the app ARM is asked about whoever asks; a person asks about the app's identity, by its role assignments.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from shared.application.doctor import commands
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, Verdict, failing, ok, unknown, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Grant, Surroundings
from shared.domain.policy import RegistryPolicy
from shared.errors import PermanentError

_ACR: Final = "Microsoft.ContainerRegistry/registries"
ON_REGISTRY: Final = (
    f"{_ACR}/read",
    f"{_ACR}/cacheRules/read",
    f"{_ACR}/cacheRules/write",
    f"{_ACR}/cacheRules/operationStatuses/read",
    f"{_ACR}/credentialSets/read",
    f"{_ACR}/credentialSets/write",
    f"{_ACR}/credentialSets/operationStatuses/read",
)
"""The actions of the app's own role (infra/roles.json; a test compares them)."""
ON_VAULT: Final = ("Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleAssignments/write")
"""What letting a credential set read its secrets asks for."""
ON_POLICY_VAULT: Final = ("Microsoft.KeyVault/vaults/accessPolicies/write",)
"""What it asks for in a vault with access policies."""


def registry_roles(registry: RegistryPolicy, surroundings: Surroundings, place: Place) -> Iterator[Check]:
    """Whether the app may make cache rules and credential sets."""

    async def look() -> Judgement:
        mend = commands.grant(place.operator_role, place.principal, registry.id)
        return await _judged(surroundings, place, registry.id, ON_REGISTRY, mend)

    yield Check(f"roles on {registry.name}", "the right to look at one's own rights", look, spare=True)


async def vault_roles(surroundings: Surroundings, place: Place, vault_id: str, *, uses_roles: bool) -> Judgement:
    """Whether the app may let credential sets read their secrets; the templates write that role's condition.

    To write access policies is a right that a deployer may well withhold: a person is told the command then.
    """
    wanted = ON_VAULT if uses_roles else ON_POLICY_VAULT
    found = await _judged(surroundings, place, vault_id, wanted, commands.PROVISION)
    if uses_roles or found.verdict is not Verdict.FAILING:
        return found
    expected = "the parameter mayWriteVaultPolicies, or a person who adds an access policy for each credential set"
    return warning(found.seen, expected, *found.mend)


async def _judged(surroundings: Surroundings, place: Place, scope: str, wanted: Sequence[str], mend: str) -> Judgement:
    if not place.inside and place.principal is None:
        return unknown("whose rights are meant is not known", "the app's ARM id: --app")
    grants = await surroundings.grants(scope, None if place.inside else place.principal)
    missing = [action for action in wanted if not is_granted(grants, action)]
    if missing:
        return failing(f"the app may not {', '.join(missing)}", f"every action at {scope}", mend)
    return ok(f"every action of {len(wanted)}")


async def may_see(surroundings: Surroundings, scope: str, action: str) -> bool:
    """Whether whoever asks would see what is there: ARM's lists leave out, without a word, what one may not read."""
    try:
        return is_granted(await surroundings.grants(scope, None), action)
    except PermanentError:
        return False


def is_granted(grants: Iterable[Grant], action: str, *, data: bool = False) -> bool:
    """Whether one of the roles gives an action; what a role leaves out, only that role leaves out (documented)."""
    for grant in grants:
        given, withheld = (grant.data_actions, grant.not_data_actions) if data else (grant.actions, grant.not_actions)
        if any(_matches(pattern, action) for pattern in given) and not any(
            _matches(pattern, action) for pattern in withheld
        ):
            return True
    return False


def _matches(pattern: str, action: str) -> bool:
    return _compiled(pattern).fullmatch(action) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)
