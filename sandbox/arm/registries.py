"""A container registry's state: its cache rules and credential sets."""

from datetime import datetime

import msgspec

from sandbox.arm.operations import ProvisioningState
from sandbox.arm.targets import Path


class CacheRule(msgspec.Struct):
    """A cache rule; only the credential set changes after it was made.

    Attributes:
        id: its ARM id.
        name: its name within the registry, as it was first written.
        source: the upstream path with its host.
        target: the path in the registry.
        path: the target, parsed.
        credential_set: the ARM id of its credential set, None when it pulls anonymously.
        created_on: when it was made.
        state: where it stands.
        honoured_from: when the data plane begins to serve it; None until its creation has succeeded.
    """

    id: str
    name: str
    source: str
    target: str
    path: Path
    credential_set: str | None
    created_on: datetime
    state: ProvisioningState
    honoured_from: datetime | None = None


class AuthCredential(msgspec.Struct, frozen=True):
    """The Key Vault ids of a user name and a password."""

    username_secret: str
    password_secret: str


class CredentialSet(msgspec.Struct):
    """A credential set with the identity that is its own.

    Attributes:
        id: its ARM id.
        name: its name within the registry, as it was first written.
        login_server: the upstream that it logs in to.
        credential: where its secrets are.
        principal_id: the object id of its system-assigned identity.
        created_on: when it was made.
        state: where it stands.
    """

    id: str
    name: str
    login_server: str
    credential: AuthCredential
    principal_id: str
    created_on: datetime
    state: ProvisioningState


class Network(msgspec.Struct, frozen=True):
    """A registry's firewall, in ARM's words. It is told, not enforced: the data plane lets everybody in.

    Attributes:
        public_access: `Enabled` or `Disabled`.
        default_action: `Allow` or `Deny`.
        bypass: `AzureServices` or `None`.
    """

    public_access: str = "Enabled"
    default_action: str = "Allow"
    bypass: str = "AzureServices"


class Registry(msgspec.Struct):
    """A registry; rules and sets by their name in lower case.

    Attributes:
        id: its ARM id.
        name: its name, which no other registry has.
        group: its resource group.
        location: its region.
        login_server: where its images are pulled from.
        created_on: when it was made.
        network: its firewall.
    """

    id: str
    name: str
    group: str
    location: str
    login_server: str
    created_on: datetime
    network: Network = Network()
    rules: dict[str, CacheRule] = msgspec.field(default_factory=dict)
    credential_sets: dict[str, CredentialSet] = msgspec.field(default_factory=dict)
