"""Calls of Key Vault, and what its refusals mean: which right is missing, and how it is given.

The trap: everything that a vault refuses is 403 `Forbidden`; whether roles, access policies or the network are why
stands in the inner code alone (documented for RBAC, observed for the others).
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from shared.adapters.azure_errors import azure_call
from shared.errors import PermanentError
from shared.telemetry.names import Outside


class SecretNameBlocked(PermanentError):
    """The secret's name belongs to a secret in soft delete, and this app may not recover it."""

    code = "secret_name_blocked"
    hint = "Recover the deleted secret (az keyvault secret recover), or purge it, and try again."


class SecretAccessDenied(PermanentError):
    """The vault lets this app not do this with the secret."""

    code = "secret_access_denied"
    hint = "Give the app's identity Key Vault Secrets Officer on the secret; docs/rotation.md says what it needs."


class ChallengeRefused(PermanentError):
    """What answers at the vault's address wants a token that was not made for that address, and gets none."""

    code = "vault_challenge_refused"
    hint = "Something else than Key Vault answers at the vault's address; look at the policy, DNS and proxies."


_DEADLINE_S: Final = 30.0
_FORBIDDEN: Final = 403
_POLICY_HINT: Final = (
    "The vault has access policies: az keyvault set-policy --name {vault} --object-id {caller} "
    "--secret-permissions {permissions}"
)
_NETWORK_HINT: Final = (
    "The vault {vault} does not let the app's address in; look at its firewall and private endpoints."
)
_HINTS: Final = {
    "AccessDenied": _POLICY_HINT,
    "ForbiddenByPolicy": _POLICY_HINT,
    "ForbiddenByRbac": str(SecretAccessDenied.hint),
    "ForbiddenByFirewall": _NETWORK_HINT,
    "ForbiddenByConnection": _NETWORK_HINT,
}
_CALLER: Final = re.compile(r"\boid=([0-9a-fA-F-]{36})\b")
"""Key Vault's refusal names the caller's object id (observed), which no setting of this app does."""


@asynccontextmanager
async def key_vault_call(call: Outside, doing: str, vault: str, permissions: str) -> AsyncIterator[None]:
    """`azure_call` in which a refusal of the vault says which right is missing, and how it is given."""
    async with azure_call(call, doing, deadline_s=_DEADLINE_S):
        from azure.core.exceptions import HttpResponseError

        try:
            yield
        except ValueError as error:
            if "challenge" not in str(error).lower():
                raise
            raise ChallengeRefused(f"{doing}: the challenge is not for {urlsplit(vault).hostname}") from error
        except HttpResponseError as error:
            if error.status_code != _FORBIDDEN:
                raise
            codes = codes_of(error)
            hint = next((hint for code, hint in _HINTS.items() if code in codes), None)
            if hint is None:
                raise
            caller = _CALLER.search(str(error.message))
            name = (urlsplit(vault).hostname or "").partition(".")[0]
            text = f"{doing}: {', '.join(sorted(codes - {''}))}"
            filled = hint.format(vault=name, caller=caller[1] if caller else "<object id>", permissions=permissions)
            raise SecretAccessDenied(text, hint=filled) from error


def codes_of(error: Any) -> set[str]:
    """The service's code and the one inside it."""
    parsed = getattr(error, "error", None)
    inner = getattr(parsed, "innererror", None) or {}
    return {str(getattr(parsed, "code", "")), str(inner.get("code", "") if isinstance(inner, dict) else inner)}
