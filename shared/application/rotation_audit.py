"""The audit trail of rotations: the ports that write outside, with an entry before and after each write.

What is written down names tokens by their ids, secrets by their versions and rotations by their names. A token's text,
an owner's login and an account's name have no place in it.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from shared.application.audit import POLICY, Audit
from shared.application.registry_ports import Registries
from shared.application.rotation_ports import (
    CredentialSets,
    DockerHub,
    Login,
    Minted,
    Owner,
    SecretDisabled,
    SecretVersion,
    Vaults,
)
from shared.domain.headroom import Reading
from shared.domain.operations import set_resource
from shared.domain.rotation import HubToken, Rotation, Trigger

A_PERSON: Final = "a person"
"""Who asked for a rotation over HTTP or by writing a secret: neither says who it was."""

_ASKED_BY_A_PERSON: Final = frozenset({Trigger.PERSON, Trigger.LEAK, Trigger.PASTED})

_errand: ContextVar[Rotation | None] = ContextVar("cachewarden_rotation_errand", default=None)


@contextmanager
def in_the_name_of(rotation: Rotation) -> Iterator[None]:
    """Have the writes inside be recorded as this rotation's."""
    token = _errand.set(rotation)
    try:
        yield
    finally:
        _errand.reset(token)


class AuditedHub(DockerHub):
    """Docker Hub, with each change of a token on record."""

    def __init__(self, hub: DockerHub, audit: Audit) -> None:
        self._hub = hub
        self._audit = audit

    async def tokens(self, owner: Owner) -> tuple[HubToken, ...]:
        """All tokens of the account or organization."""
        return await self._hub.tokens(owner)

    async def mint(self, owner: Owner, label: str, expires_at: datetime) -> Minted:
        """Make a token; its id is known when it is made."""
        wanted = {"label": label, "expires_at": expires_at.isoformat()}
        async with _recorded(self._audit, "create_token", _token(label), after=wanted) as after:
            minted = await self._hub.mint(owner, label, expires_at)
            after["token_id"] = minted.token.id
        return minted

    async def set_active(self, owner: Owner, token_id: str, *, active: bool) -> None:
        """Switch a token on or off."""
        kind, states = "activate_token" if active else "deactivate_token", ({"active": not active}, {"active": active})
        async with _recorded(self._audit, kind, _token(token_id), before=states[0], after=states[1]):
            await self._hub.set_active(owner, token_id, active=active)

    async def delete(self, owner: Owner, token_id: str) -> None:
        """Delete a token."""
        async with _recorded(self._audit, "delete_token", _token(token_id), before={"token_id": token_id}):
            await self._hub.delete(owner, token_id)

    async def probe(self, login: Login | None) -> Reading:
        """Look at the pull limit without a pull."""
        return await self._hub.probe(login)


class AuditedVaults(Vaults):
    """Key Vault, with each version that is written or disabled, and each recovery, on record."""

    def __init__(self, vaults: Vaults, audit: Audit) -> None:
        self._vaults = vaults
        self._audit = audit

    async def read(self, vault: str, name: str, version: str = "") -> SecretVersion | None:
        """A version, the current one by default."""
        return await self._vaults.read(vault, name, version)

    async def write(
        self, vault: str, name: str, value: str, *, tags: Mapping[str, str], expires_on: datetime | None
    ) -> SecretVersion:
        """Write a new version, whose name is known when it is written."""
        before, wanted = await self._current(vault, name), {"tags": dict(tags), "expires_on": _text(expires_on)}
        secret = _secret(vault, name)
        async with _recorded(self._audit, "write_secret_version", secret, before=before, after=wanted) as after:
            written = await self._vaults.write(vault, name, value, tags=tags, expires_on=expires_on)
            after["version"] = written.version
        return written

    async def recover(self, vault: str, name: str) -> bool:
        """Take a secret out of soft delete; whether one waited there is known afterwards."""
        async with _recorded(self._audit, "recover_secret", _secret(vault, name)) as after:
            after["recovered"] = recovered = await self._vaults.recover(vault, name)
        return recovered

    async def disable(self, vault: str, name: str, version: str) -> None:
        """Disable a version."""
        resource, states = f"{_secret(vault, name)}/{version}", ({"enabled": True}, {"enabled": False})
        async with _recorded(self._audit, "disable_secret_version", resource, before=states[0], after=states[1]):
            await self._vaults.disable(vault, name, version)

    async def _current(self, vault: str, name: str) -> dict[str, Any] | None:
        try:
            found = await self._vaults.read(vault, name)
        except SecretDisabled:
            return {"enabled": False}
        return None if found is None else {"version": found.version, "expires_on": _text(found.expires_on)}


class AuditedCredentialSets(CredentialSets):
    """Registries' credential sets, with each update on record."""

    def __init__(self, sets: CredentialSets, registries: Registries, audit: Audit) -> None:
        self._sets = sets
        self._registries = registries
        self._audit = audit

    async def point_credential_set(self, registry_id: str, name: str, username_secret: str, token_secret: str) -> None:
        """Have a set read these secrets."""
        found = await self._registries.credential_set(registry_id, name)
        before = None if found is None else _reads(found.username_secret, found.token_secret)
        after, resource = _reads(username_secret, token_secret), f"{registry_id}/{set_resource(name)}"
        async with _recorded(self._audit, "update_credential_set", resource, before=before, after=after):
            await self._sets.point_credential_set(registry_id, name, username_secret, token_secret)


def _recorded(
    audit: Audit,
    kind: str,
    resource: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AbstractAsyncContextManager[dict[str, Any]]:
    """A change on record, with who asked and why."""
    rotation = _errand.get()
    if rotation is None:
        return audit.change(kind, resource, by=POLICY, why="outside a rotation", before=before, after=after)
    by = A_PERSON if rotation.trigger in _ASKED_BY_A_PERSON else POLICY
    why = f"rotation {rotation.id}, begun because of {rotation.trigger}: {rotation.state}"
    return audit.change(kind, resource, by=by, why=why, before=before, after=after)


def _token(name: str) -> str:
    return f"docker.io/tokens/{name}"


def _secret(vault: str, name: str) -> str:
    return f"{vault.rstrip('/')}/secrets/{name}"


def _reads(username_secret: str, token_secret: str) -> dict[str, Any]:
    return {"username_secret": username_secret, "token_secret": token_secret}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
