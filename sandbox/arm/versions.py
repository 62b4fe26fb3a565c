"""The API versions that Resource Manager offers, and what a provider says about its types.

A client that asks with another version is refused, as in a cloud that is behind; the doctor reads the same table.
"""

from typing import Any, Final

from sandbox.arm.refusals import (
    InvalidApiVersion,
    InvalidResourceNamespace,
    MissingApiVersion,
    NoRegisteredProvider,
)

_LOCATION: Final = "westeurope"
_VERSIONS: Final = {
    "microsoft.containerregistry": ("2025-11-01", "2026-09-01-preview"),
    "microsoft.authorization/permissions": ("2022-04-01",),
    "microsoft.authorization/roleassignments": ("2022-04-01",),
    "microsoft.authorization/roledefinitions": ("2022-04-01", "2022-05-01-preview"),
    "microsoft.keyvault/vaults": ("2023-02-01", "2023-07-01", "2024-11-01", "2025-05-01"),
    "microsoft.containerservice/managedclusters": ("2024-10-01", "2025-05-01", "2025-10-01"),
    "microsoft.eventgrid": ("2022-06-15", "2025-02-15"),
    "microsoft.insights/actiongroups": ("2023-01-01",),
    "microsoft.insights/scheduledqueryrules": ("2021-08-01", "2022-06-15", "2023-12-01"),
    "microsoft.operationalinsights": ("2022-10-01", "2023-09-01", "2025-02-01"),
    "microsoft.web": ("2022-03-01", "2022-09-01", "2023-01-01", "2023-12-01", "2024-04-01", "2024-11-01"),
    "microsoft.resources": ("2016-06-01", "2019-11-01", "2021-04-01", "2022-09-01", "2022-12-01", "2024-11-01"),
}
_TYPES: Final = {
    "Microsoft.ContainerRegistry": ("registries", "registries/cacheRules", "registries/credentialSets"),
    "Microsoft.EventGrid": ("systemTopics", "systemTopics/eventSubscriptions", "topics"),
    "Microsoft.Insights": ("actionGroups", "scheduledQueryRules"),
    "Microsoft.KeyVault": ("vaults",),
    "Microsoft.OperationalInsights": ("workspaces",),
    "Microsoft.Web": ("sites",),
}


def check_version(kind: str, version: str) -> str:
    """The version, if a resource type is offered in it; a type without a table takes any.

    Raises:
        MissingApiVersion: the request names none.
        InvalidApiVersion, NoRegisteredProvider: it names another one.
    """
    if not version:
        raise MissingApiVersion
    namespace, _, name = kind.partition("/")
    supported = _offered(kind)
    if supported is not None and version not in supported:
        if namespace == "Microsoft.Resources":
            raise InvalidApiVersion(version=version, supported=",".join(supported))
        raise NoRegisteredProvider(location=_LOCATION, version=version, kind=name, supported=", ".join(supported))
    return version


def provider_document(namespace: str, subscription: str, *, registered: bool) -> dict[str, Any]:
    """What Providers - Get answers (documented); raises `InvalidResourceNamespace`."""
    known = next((name for name in _TYPES if name.lower() == namespace.lower()), None)
    if known is None:
        raise InvalidResourceNamespace(namespace=namespace)
    return {
        "id": f"/subscriptions/{subscription}/providers/{known}",
        "namespace": known,
        "resourceTypes": [
            {
                "resourceType": kind,
                "locations": ["West Europe"],
                "apiVersions": sorted(_offered(f"{known}/{kind}") or (), reverse=True),
            }
            for kind in _TYPES[known]
        ],
        "registrationState": "Registered" if registered else "NotRegistered",
        "registrationPolicy": "RegistrationRequired",
    }


def _offered(kind: str) -> tuple[str, ...] | None:
    return _VERSIONS.get(kind.lower()) or _VERSIONS.get(kind.partition("/")[0].lower())
