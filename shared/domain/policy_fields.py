"""The kinds of text in a policy, each with its form and the sentence that a person reads when it is not met."""

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.domain.cache_rules import HOST_PATTERN, REPOSITORY_PATTERN
from shared.domain.durations import DURATION_PATTERN


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every part of the file has in common: frozen, and unknown keys are errors."""


_PROVIDERS = r"/[pP][rR][oO][vV][iI][dD][eE][rR][sS]"
_GROUP = r"^/[sS]ubscriptions/[^/]+/[rR]esource[gG]roups/[^/]+"
_URL = r"^https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?"

RegistryId = Annotated[
    str,
    Meta(
        pattern=rf"{_GROUP}{_PROVIDERS}/[mM]icrosoft\.[cC]ontainer[rR]egistry/[rR]egistries/[A-Za-z0-9]{{5,50}}$",
        extra={
            "expected": "a registry's ARM id: /subscriptions/…/resourceGroups/…/providers/"
            "Microsoft.ContainerRegistry/registries/NAME"
        },
    ),
]
ResourcePrefix = Annotated[
    str,
    Meta(
        pattern=r"^/[sS]ubscriptions/[^/*]+(?:/[^/*]+)*/?$",
        extra={"expected": "an ARM id or its first segments, without wildcards: /subscriptions/…/resourceGroups/…"},
    ),
]
VaultId = Annotated[
    str,
    Meta(
        pattern=rf"{_GROUP}{_PROVIDERS}/[mM]icrosoft\.[kK]ey[vV]ault/[vV]aults/[A-Za-z0-9-]+$",
        extra={
            "expected": "a vault's ARM id: /subscriptions/…/resourceGroups/…/providers/Microsoft.KeyVault/vaults/NAME"
        },
    ),
]
WorkspaceId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        extra={"expected": "a workspace's id as its overview page shows it: 11111111-2222-3333-4444-555555555555"},
    ),
]
TargetPrefix = Annotated[
    str,
    Meta(
        pattern=rf"^{REPOSITORY_PATTERN}$",
        max_length=120,
        extra={"expected": "a repository prefix in lower case, without * and without a slash at its end: docker-hub"},
    ),
]
Host = Annotated[
    str,
    Meta(
        pattern=rf"^{HOST_PATTERN}$",
        extra={"expected": "an upstream's host in lower case, without scheme, port or path: docker.io"},
    ),
]
Pattern = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9._*-]+(?:/[a-z0-9._*-]+)*$",
        max_length=255,
        extra={
            "expected": "a repository in lower case without host, tag or digest; * inside one segment, ** across: "
            "library/nginx, bitnami/**"
        },
    ),
]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        extra={"expected": "a name of letters, digits, . _ -, at most 63, since it stands in addresses: hub"},
    ),
]
SecretName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9-]{1,127}$",
        extra={
            "expected": "the name of a Key Vault secret (letters, digits, hyphens), not the secret itself",
            "hidden": True,
        },
    ),
]
VaultUrl = Annotated[
    str,
    Meta(
        pattern=rf"{_URL}/?$",
        extra={"expected": "a vault's address, written out: https://NAME.vault.azure.net"},
    ),
]
HttpsUrl = Annotated[
    str,
    Meta(
        pattern=rf"{_URL}(?:/[A-Za-z0-9._~/-]*)?$",
        extra={"expected": "an https:// address, written out (no …), without user, query or fragment"},
    ),
]
Duration = Annotated[
    timedelta,
    Meta(
        extra_json_schema={"pattern": DURATION_PATTERN},
        extra={"expected": "a number and one of w d h m s: 30d, 4h, 90m"},
    ),
]
TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$",
        extra={"expected": 'a time of day in UTC, in quotes: "07:00"'},
    ),
]
