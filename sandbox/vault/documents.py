"""Key Vault's JSON: what a client sends, and secrets as the service writes them."""

from typing import Any
from urllib.parse import quote

import msgspec

from sandbox.vault.models import RECOVERABLE_DAYS
from sandbox.vault.refusals import InvalidBody
from sandbox.vault.secrets import Attributes, Secret, SecretVersion


class SecretChange(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a patch: what is absent stays as it is."""

    tags: dict[str, str] | None = None
    content_type: str | None = None
    attributes: Attributes | None = None


class NewSecret(SecretChange, frozen=True, rename="camel", kw_only=True):
    """The body of a write."""

    value: str


def decode[Body: SecretChange](body: bytes, kind: type[Body]) -> Body:
    """The body as `kind`; raises `InvalidBody` saying what is wrong with it, without quoting it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidBody(reason=f"The request body is not valid: {error}") from error


def identifier(base_url: str, name: str, version: str = "") -> str:
    """The id of a secret or of one version."""
    return f"{base_url}/secrets/{quote(name, safe='')}" + (f"/{version}" if version else "")


def bundle(base_url: str, name: str, version: SecretVersion, *, value: bool) -> dict[str, Any]:
    """A version, with its value only where the operation returns it."""
    attributes: dict[str, Any] = {"enabled": version.enabled}
    if version.not_before is not None:
        attributes["nbf"] = version.not_before
    if version.expires is not None:
        attributes["exp"] = version.expires
    attributes |= {
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": RECOVERABLE_DAYS,
    }
    document: dict[str, Any] = {"value": version.value} if value else {}
    document |= {"id": identifier(base_url, name, version.id), "attributes": attributes}
    if version.content_type is not None:
        document["contentType"] = version.content_type
    if version.tags is not None:
        document["tags"] = version.tags
    return document


def item(base_url: str, secret: Secret) -> dict[str, Any]:
    """A secret in a list: its current version's properties under the id without a version."""
    return bundle(base_url, secret.name, secret.current, value=False) | {"id": identifier(base_url, secret.name)}


def deletion(base_url: str, secret: Secret) -> dict[str, Any]:
    """What a deleted secret has besides its properties."""
    deleted_on = secret.deleted_on or 0
    return {
        "recoveryId": f"{base_url}/deletedsecrets/{quote(secret.name, safe='')}",
        "deletedDate": deleted_on,
        "scheduledPurgeDate": deleted_on + RECOVERABLE_DAYS * 24 * 3600,
    }
