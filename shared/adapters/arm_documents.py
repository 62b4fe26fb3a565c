"""ARM's documents and the domain's values, in both directions.

The traps: `None` in a model of the SDK is left out and not sent as null (measured), which is what a create without
credentials wants; and ARM compares names and ids without regard to case.
"""

from typing import Any, Final

from shared.domain.cache_rules import CacheRule
from shared.domain.plans import CreateCacheRule, CreateCredentialSet
from shared.domain.registries import CredentialSet

_CREDENTIAL: Final = "Credential1"
"""The only name that ACR gives a set's credential (documented)."""


def read_rule(document: Any) -> CacheRule:
    """A cache rule as ARM has it."""
    return CacheRule(
        name=document.name,
        source=document.source_repository or "",
        target=document.target_repository or "",
        credential_set=_last_segment(document.credential_set_resource_id),
        provisioning_state=_text(document.provisioning_state) or "Succeeded",
    )


def read_credential_set(document: Any) -> CredentialSet:
    """A credential set as ARM has it."""
    credential = next(iter(document.auth_credentials or ()), None)
    health = getattr(credential, "credential_health", None)
    status = _text(getattr(health, "status", None))
    return CredentialSet(
        name=document.name,
        login_server=document.login_server or "",
        username_secret=getattr(credential, "username_secret_identifier", None) or "",
        token_secret=getattr(credential, "password_secret_identifier", None) or "",
        principal_id=getattr(document.identity, "principal_id", None) or "",
        healthy=None if not status else status == "Healthy",
        health_code=getattr(health, "error_code", None) or "",
        health_message=getattr(health, "error_message", None) or "",
        provisioning_state=_text(document.provisioning_state) or "Succeeded",
    )


def write_rule(rule: CacheRule, registry_id: str) -> Any:
    """The document that creates a cache rule."""
    from azure.mgmt.containerregistry.models import CacheRule as Document
    from azure.mgmt.containerregistry.models import CacheRuleProperties

    properties = CacheRuleProperties(source_repository=rule.source, target_repository=rule.target)
    if rule.credential_set is not None:
        properties.credential_set_resource_id = _set_id(registry_id, rule.credential_set)
    return Document(properties=properties)


def write_attachment(credential_set: str, registry_id: str) -> Any:
    """The document that gives a cache rule its credential set and changes nothing else."""
    from azure.mgmt.containerregistry.models import CacheRuleUpdateParameters, CacheRuleUpdateProperties

    properties = CacheRuleUpdateProperties(credential_set_resource_id=_set_id(registry_id, credential_set))
    return CacheRuleUpdateParameters(properties=properties)


def write_secrets(username_secret: str, token_secret: str) -> Any:
    """The document that has a credential set read these secrets and changes nothing else."""
    from azure.mgmt.containerregistry.models import (
        AuthCredential,
        CredentialSetUpdateParameters,
        CredentialSetUpdateProperties,
    )

    credential = AuthCredential(
        name=_CREDENTIAL,
        username_secret_identifier=username_secret,
        password_secret_identifier=token_secret,
    )
    return CredentialSetUpdateParameters(properties=CredentialSetUpdateProperties(auth_credentials=[credential]))


def write_credential_set(wanted: CredentialSet) -> Any:
    """The document that creates a credential set with an identity of its own."""
    from azure.mgmt.containerregistry.models import AuthCredential, CredentialSetProperties, IdentityProperties
    from azure.mgmt.containerregistry.models import CredentialSet as Document

    credential = AuthCredential(
        name=_CREDENTIAL,
        username_secret_identifier=wanted.username_secret,
        password_secret_identifier=wanted.token_secret,
    )
    return Document(
        identity=IdentityProperties(type="SystemAssigned"),
        properties=CredentialSetProperties(login_server=wanted.login_server, auth_credentials=[credential]),
    )


def rule_of(action: CreateCacheRule) -> CacheRule:
    """The cache rule that an action makes."""
    return CacheRule(action.name, action.source, action.target, action.credential_set)


def set_of(action: CreateCredentialSet) -> CredentialSet:
    """The credential set that an action makes."""
    return CredentialSet(action.name, action.login_server, action.username_secret, action.token_secret)


def is_same_rule(found: CacheRule, wanted: CacheRule) -> bool:
    """Whether a rule that is there caches the same in the same way."""
    return (found.source, found.target, _folded(found.credential_set)) == (
        wanted.source,
        wanted.target,
        _folded(wanted.credential_set),
    )


def is_same_set(found: CredentialSet, wanted: CredentialSet) -> bool:
    """Whether a credential set that is there logs in to the same upstream with the same secrets."""
    return (found.login_server, _folded(found.username_secret), _folded(found.token_secret)) == (
        wanted.login_server,
        _folded(wanted.username_secret),
        _folded(wanted.token_secret),
    )


def is_same_name(one: str | None, other: str | None) -> bool:
    """Whether two names or ids are the same to ARM."""
    return _folded(one) == _folded(other)


def _folded(text: str | None) -> str | None:
    return None if text is None else text.rstrip("/").lower()


def _last_segment(resource_id: str | None) -> str | None:
    return resource_id.rstrip("/").rpartition("/")[2] if resource_id else None


def _set_id(registry_id: str, name: str) -> str:
    return f"{registry_id.rstrip('/')}/credentialSets/{name}"


def _text(value: Any) -> str:
    """The text of one of the SDK's enums or of a plain string, empty for None."""
    return str(getattr(value, "value", value) or "")
