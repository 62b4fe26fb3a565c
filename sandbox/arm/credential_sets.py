"""Credential sets: each with a principal of its own, made with it and gone with it.

The trap they reproduce: creating a set always succeeds, whatever its secrets are; whether it works shows only in its
health, and the vault has to admit the set's own principal, not the registry's.
"""

from urllib.parse import urlsplit

from msgspec import UNSET

from sandbox.arm.bodies import AuthCredentialBody, SetBody
from sandbox.arm.cache_rules import NAME
from sandbox.arm.operations import Failure, Operation, Operations, ProvisioningState
from sandbox.arm.refusals import InvalidRequestContent
from sandbox.arm.registries import AuthCredential, CredentialSet, Registry
from sandbox.arm.registry_refusals import (
    AuthCredentialsInvalid,
    CredentialSetInUse,
    IdentityNotSupported,
    LoginServerImmutable,
    NameInvalid,
    OperationInProgress,
    UpstreamNotSupported,
)
from sandbox.arm.upstreams import SUPPORTED, authentication
from sandbox.frame.service import Clock
from sandbox.identity.directory import Directory

_CREDENTIAL_NAME = "Credential1"
_SYSTEM_ASSIGNED = "SystemAssigned"


class CredentialSets:
    """Writes to the credential sets of registries."""

    def __init__(self, *, operations: Operations, directory: Directory, clock: Clock) -> None:
        self._operations = operations
        self._directory = directory
        self._clock = clock

    def put(self, registry: Registry, name: str, body: SetBody) -> tuple[CredentialSet, Operation | None]:
        """Create a set with a new principal, or overwrite the secrets of the set that has the name.

        Raises:
            Refusal: in ACR's words, by the first rule that the request breaks.
        """
        if not NAME.fullmatch(name):
            raise NameInvalid(name=name)
        kind = body.identity.type if body.identity is not None else "None"
        if kind != _SYSTEM_ASSIGNED:
            raise IdentityNotSupported(kind=kind)
        login_server = body.properties.login_server
        if not login_server:
            raise InvalidRequestContent(reason="properties.loginServer is required")
        if authentication(login_server) is None:
            raise UpstreamNotSupported(host=login_server, supported=SUPPORTED)
        credential = _credential(body.properties.auth_credentials or [])
        existing = registry.credential_sets.get(name.lower())
        if existing is not None:
            self._claim(existing)
            if existing.login_server != login_server:
                raise LoginServerImmutable(name=existing.name)
            if existing.state is ProvisioningState.SUCCEEDED:
                existing.credential = credential
                return existing, None
            self._directory.remove(existing.principal_id)
        created = self._create(registry, name, login_server, credential)

        def finish(failed: Failure | None) -> None:
            created.state = ProvisioningState.FAILED if failed else ProvisioningState.SUCCEEDED

        return created, self._operations.start(created.id, created.state, finish)

    def patch(self, found: CredentialSet, body: SetBody) -> Operation:
        """Replace the set's secrets; its login server and its principal stay."""
        if body.identity is not None and body.identity.type != _SYSTEM_ASSIGNED:
            raise IdentityNotSupported(kind=body.identity.type)
        if body.properties.login_server is not UNSET:
            raise LoginServerImmutable(name=found.name)
        self._claim(found)
        given = body.properties.auth_credentials
        credential = found.credential if given is UNSET else _credential(given)
        before, found.state = found.state, ProvisioningState.UPDATING

        def finish(failed: Failure | None) -> None:
            found.state = before
            if failed is None:
                found.credential = credential

        return self._operations.start(found.id, found.state, finish)

    def delete(self, registry: Registry, found: CredentialSet) -> Operation:
        """Delete a set that no rule uses, and its principal with it."""
        self._claim(found)
        for rule in registry.rules.values():
            if rule.credential_set is not None and rule.credential_set.lower() == found.id.lower():
                raise CredentialSetInUse(name=found.name, rule=rule.name)
        before, found.state = found.state, ProvisioningState.DELETING

        def finish(failed: Failure | None) -> None:
            if failed is None:
                del registry.credential_sets[found.name.lower()]
                self._directory.remove(found.principal_id)
            else:
                found.state = before

        return self._operations.start(found.id, found.state, finish)

    def _create(self, registry: Registry, name: str, login_server: str, credential: AuthCredential) -> CredentialSet:
        resource_id = f"{registry.id}/credentialSets/{name}"
        principal = self._directory.create(f"{registry.name}/credentialSets/{name}", resource_id=resource_id)
        created = CredentialSet(
            id=resource_id,
            name=name,
            login_server=login_server,
            credential=credential,
            principal_id=principal.object_id,
            created_on=self._clock(),
            state=ProvisioningState.CREATING,
        )
        registry.credential_sets[name.lower()] = created
        return created

    def _claim(self, found: CredentialSet) -> None:
        if self._operations.running(found.id) is not None:
            raise OperationInProgress(name=found.name)


def _credential(given: list[AuthCredentialBody]) -> AuthCredential:
    if len(given) != 1:
        raise AuthCredentialsInvalid(reason="there should be exactly one")
    [one] = given
    if one.name != _CREDENTIAL_NAME:
        raise AuthCredentialsInvalid(reason=f"the name should be {_CREDENTIAL_NAME}")
    for identifier in (one.username_secret_identifier, one.password_secret_identifier):
        parts = urlsplit(identifier)
        segments = parts.path.strip("/").split("/")
        if parts.scheme != "https" or not parts.netloc or segments[0] != "secrets" or len(segments) not in {2, 3}:
            raise AuthCredentialsInvalid(reason="a secret identifier should be https://<vault>/secrets/<name>")
    return AuthCredential(one.username_secret_identifier, one.password_secret_identifier)
