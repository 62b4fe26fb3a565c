"""Systems that a cure needs, broken: each world with what the doctor makes of it."""

from datetime import timedelta

from shared.application.doctor.findings import (
    Verdict,
)
from shared.application.doctor.ports import Grant, Network
from tests.fakes.application import REGISTRY, WORKSPACE
from tests.fakes.rotation import SET
from tests.fakes.surroundings import GROUP
from tests.unit.application.doctor.breaking import (
    FIND_WORKSPACE,
    VAULT_ID,
    Break,
    changed,
    disable,
    forbid,
    grant,
    left,
    no_policies,
    put,
    secret,
)

SYSTEMS: dict[str, tuple[Break, str, Verdict, str, tuple[str, ...]]] = {
    "identity": (
        forbid("surroundings", "caller", "identity_unavailable"),
        "identity",
        Verdict.FAILING,
        "identity_unavailable: no",
        ("azd provision",),
    ),
    "clock": (
        put("surroundings", ahead=timedelta(minutes=6)),
        "clock",
        Verdict.FAILING,
        "360 s behind",
        ("sudo timedatectl set-ntp true",),
    ),
    "an unregistered provider": (
        lambda world: world.surroundings.versions.update({"Microsoft.EventGrid": {}}),
        "provider Microsoft.EventGrid",
        Verdict.FAILING,
        "not registered",
        (f"az provider register --subscription {REGISTRY.split('/')[2]} --namespace Microsoft.EventGrid",),
    ),
    "a cloud that is behind": (
        lambda world: world.surroundings.versions.update(
            {"Microsoft.ContainerRegistry": {"registries": frozenset({"2023-07-01"})}}
        ),
        "provider Microsoft.ContainerRegistry",
        Verdict.FAILING,
        "up to version 2023-07-01",
        (),
    ),
    "no right on the queues": (
        forbid("queues", "waiting", "AuthorizationPermissionMismatch"),
        "queues",
        Verdict.FAILING,
        "AuthorizationPermissionMismatch",
        (
            grant(
                "Storage Queue Data Contributor",
                f"{GROUP}/providers/Microsoft.Storage/storageAccounts/STORAGE-ACCOUNT",
            ),
        ),
    ),
    "a missing queue": (
        put("queues", lengths={"rotations": None}),
        "queues",
        Verdict.WARNING,
        "no queue rotations",
        ("az storage queue create --name rotations --account-name STORAGE-ACCOUNT --auth-mode login",),
    ),
    "messages that were given up": (
        put("queues", lengths={"remediations-poison": 3}),
        "queues",
        Verdict.WARNING,
        "about 3 messages lie on remediations-poison",
        (),
    ),
    "no right on the registry": (
        forbid("registries", "read", "AuthorizationFailed"),
        "registry contoso",
        Verdict.FAILING,
        "AuthorizationFailed",
        (grant("Cachewarden Operator abc", REGISTRY),),
    ),
    "no right to pull": (
        forbid("content", "repositories", "DENIED"),
        "images of contoso",
        Verdict.FAILING,
        "DENIED",
        (grant("AcrPull", REGISTRY),),
    ),
    "a registry behind a firewall": (
        changed("surroundings", "registry_document", network=Network(is_open=False, trusts_azure=False)),
        "network of contoso",
        Verdict.WARNING,
        "without trusted services",
        ("az acr update --name contoso --allow-trusted-services true",),
    ),
    "a registry that is being deleted": (
        changed("surroundings", "registry_document", state="Deleting"),
        "network of contoso",
        Verdict.FAILING,
        "the registry is Deleting",
        (),
    ),
    "a role that lost an action": (
        put("surroundings", granted=(Grant(actions=("*",), not_actions=("*/cacheRules/write",)),)),
        "roles on contoso",
        Verdict.FAILING,
        "may not Microsoft.ContainerRegistry/registries/cacheRules/write",
        (grant("Cachewarden Operator abc", REGISTRY),),
    ),
    "no right to grant": (
        put("surroundings", granted=(Grant(actions=("*/read",)),)),
        "roles on the vault of hub",
        Verdict.FAILING,
        "may not Microsoft.Authorization/roleAssignments/write",
        ("azd provision",),
    ),
    "access policies": (
        changed("surroundings", "vault_document", uses_roles=False),
        "vault of hub",
        Verdict.WARNING,
        "access policies",
        ("az keyvault update --name contoso-kv --enable-rbac-authorization true",),
    ),
    "no right to write access policies": (
        no_policies,
        "roles on the vault of hub",
        Verdict.WARNING,
        "may not Microsoft.KeyVault/vaults/accessPolicies/write",
        ("azd provision",),
    ),
    "a set without its access policy": (
        no_policies,
        "credential sets of contoso",
        Verdict.FAILING,
        "may not read its secrets",
        ("az keyvault set-policy --name contoso-kv --object-id p --secret-permissions get",),
    ),
    "a vault that trusts nobody": (
        changed("surroundings", "vault_document", network=Network(is_open=False, trusts_azure=False)),
        "vault of hub",
        Verdict.FAILING,
        "without trusted services",
        ("az keyvault update --name contoso-kv --bypass AzureServices",),
    ),
    "a missing secret": (
        lambda world: world.vaults.secrets.pop("dockerhub-owner"),
        "secret dockerhub-owner of hub",
        Verdict.FAILING,
        "no such secret",
        (secret("set", "dockerhub-owner", "--file", "FILE"),),
    ),
    "an empty secret": (
        lambda world: world.vaults.put("dockerhub-username", " "),
        "secret dockerhub-username of hub",
        Verdict.FAILING,
        "empty",
        (secret("set", "dockerhub-username", "--file", "FILE"),),
    ),
    "a disabled secret": (
        disable,
        "secret dockerhub-token of hub",
        Verdict.FAILING,
        "disabled",
        (secret("set-attributes", "dockerhub-token", "--enabled", "true"),),
    ),
    "a secret that has ended": (
        lambda world: world.vaults.put("dockerhub-owner", "x", expires_on=world.clock.now() - timedelta(minutes=1)),
        "secret dockerhub-owner of hub",
        Verdict.FAILING,
        "it ended at",
        (secret("set", "dockerhub-owner", "--file", "FILE"),),
    ),
    "a refused token": (
        lambda world: world.vaults.put("dockerhub-token", "revoked"),
        "token of hub",
        Verdict.FAILING,
        "credential_rejected",
        ("cachewarden rotate hub --url https://APP",),
    ),
    "no pulls left": (
        left(0),
        "token of hub",
        Verdict.WARNING,
        "no pulls are left of 200",
        (),
    ),
    "a set without its roles": (
        lambda world: world.vault_access.readers.clear(),
        "credential sets of contoso",
        Verdict.FAILING,
        "may not read its secrets",
        tuple(
            grant("Key Vault Secrets User", f"{VAULT_ID}/secrets/dockerhub-{name}", "p")
            for name in ("username", "token")
        ),
    ),
    "an unhealthy set": (
        put("registries", blind=True),
        "credential sets of contoso",
        Verdict.FAILING,
        "is unhealthy",
        (f"az acr credential-set show -r contoso -n {SET}",),
    ),
    "no right on the workspace": (
        forbid("logs", "query", "InsufficientAccessError"),
        f"workspace {WORKSPACE}",
        Verdict.FAILING,
        "InsufficientAccessError",
        (grant("Log Analytics Data Reader", FIND_WORKSPACE),),
    ),
    "a workspace without a table": (
        lambda world: world.logs.rows.pop("KubeEvents"),
        f"workspace {WORKSPACE}",
        Verdict.WARNING,
        "none of the tables",
        (),
    ),
}
"""What is broken → how, what the doctor calls it, how bad, what it sees, and the commands that mend it."""
