"""The commands that mend: one line each, quoted for a POSIX shell whatever the names in them are.

Names come from the policy, from ARM and from settings; none of them may end the word that it stands in.
"""

import shlex
from typing import Final
from urllib.parse import urlsplit

WIRE: Final = "azd hooks run postdeploy"
"""Makes again what points at the functions: the same as `python3 scripts/azure_hooks.py wire` with a deployment."""

PROVISION: Final = "azd provision"
"""Deploys the templates again, roles included."""


def line(*words: str) -> str:
    """A line for a shell."""
    return shlex.join(words)


def az(*words: str) -> str:
    """A line for the Azure CLI."""
    return line("az", *words)


def grant(role: str, principal: str | None, scope: str) -> str:
    """Give the app's identity a role; a principal that is not known is left for the reader to fill in."""
    who = principal or "PRINCIPAL"
    words = ["role", "assignment", "create", "--assignee-object-id", who]
    return az(*words, "--assignee-principal-type", "ServicePrincipal", "--role", role, "--scope", scope)


def grant_on_workspace(role: str, principal: str | None, workspace: str) -> str:
    """Give the app's identity a role on a workspace, of which only the query API's id is known."""
    find = az(
        "monitor", "log-analytics", "workspace", "list", "--query", f"[?customerId=='{workspace}'].id", "-o", "tsv"
    )
    line, _, _ = grant(role, principal, "").rpartition(" ")
    return f'{line} "$({find})"'


def write_secret(vault: str, name: str) -> str:
    """Write a secret from a file, so that its text stays out of the shell's history."""
    return az("keyvault", "secret", "set", "--vault-name", vault_name(vault), "--name", name, "--file", "FILE")


def vault_name(vault: str) -> str:
    """The name of a vault from its address or its ARM id."""
    host = urlsplit(vault).hostname
    return host.partition(".")[0] if host else vault.rstrip("/").rpartition("/")[2]


def rotate(credential: str, address: str | None) -> str:
    """Have the app replace a token."""
    return line("cachewarden", "rotate", credential, "--url", address or "https://APP")
