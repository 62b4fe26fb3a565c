"""A registry as one reading of it found it: rules, credential sets, repositories."""

import msgspec

from shared.domain.cache_rules import CacheRule


class CredentialSet(msgspec.Struct, frozen=True):
    """An ACR credential set.

    Attributes:
        name: its name within the registry.
        login_server: the upstream that it logs in to, `docker.io`.
        username_secret: the Key Vault id of the user name, versionless: `https://<vault>/secrets/<name>`.
        token_secret: the Key Vault id of the password or token, versionless.
        principal_id: the object id of its own system-assigned identity, empty when it has none.
        healthy: ACR's own verdict; None when it gave none.
        health_code: ACR's code for what is wrong, empty when healthy.
        health_message: ACR's words for it.
        vault_access: whether its identity may read the secrets; None when nobody looked (offline plans).
        provisioning_state: `Succeeded`, `Creating`, `Updating`, `Failed`, …
    """

    name: str
    login_server: str
    username_secret: str
    token_secret: str
    principal_id: str = ""
    healthy: bool | None = None
    health_code: str = ""
    health_message: str = ""
    vault_access: bool | None = None
    provisioning_state: str = "Succeeded"


class RegistrySnapshot(msgspec.Struct, frozen=True):
    """What one reading of a registry found.

    Attributes:
        id: its ARM id, as ARM writes it.
        login_server: where its images are pulled from: `contoso.azurecr.io`. From ARM, never from a log.
        rules: its cache rules.
        credential_sets: its credential sets.
        repositories: the names of the repositories that exist.
    """

    id: str
    login_server: str
    rules: tuple[CacheRule, ...] = ()
    credential_sets: tuple[CredentialSet, ...] = ()
    repositories: frozenset[str] = frozenset()
