"""The bodies that clients send to ARM, read strictly enough to tell "absent" from "null"."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from sandbox.arm.refusals import InvalidRequestContent


class Identity(msgspec.Struct, frozen=True, rename="camel"):
    """The `identity` of a resource."""

    type: str = "None"


class RuleProperties(msgspec.Struct, frozen=True, rename="camel"):
    """A cache rule's properties; UNSET where the client sent none."""

    source_repository: str | UnsetType = UNSET
    target_repository: str | UnsetType = UNSET
    credential_set_resource_id: str | UnsetType | None = UNSET


class RuleBody(msgspec.Struct, frozen=True):
    """A cache rule as it is put or patched."""

    properties: RuleProperties
    identity: dict[str, Any] | None = None


class AuthCredentialBody(msgspec.Struct, frozen=True, rename="camel"):
    """One pair of secret ids."""

    username_secret_identifier: str
    password_secret_identifier: str
    name: str = ""


class SetProperties(msgspec.Struct, frozen=True, rename="camel"):
    """A credential set's properties."""

    login_server: str | UnsetType = UNSET
    auth_credentials: list[AuthCredentialBody] | UnsetType = UNSET


class SetBody(msgspec.Struct, frozen=True):
    """A credential set as it is put or patched."""

    properties: SetProperties = SetProperties()
    identity: Identity | None = None


class AssignmentProperties(msgspec.Struct, frozen=True, rename="camel"):
    """What a role assignment says."""

    role_definition_id: str
    principal_id: str
    principal_type: str | None = None
    condition: str | None = None
    condition_version: str | None = None


class AssignmentBody(msgspec.Struct, frozen=True):
    """A role assignment as it is put."""

    properties: AssignmentProperties


def decode[Body: msgspec.Struct](body: bytes, kind: type[Body]) -> Body:
    """The body as `kind`; raises `InvalidRequestContent` with the place that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestContent(reason=str(error)) from error
