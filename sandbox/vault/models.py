"""A vault's secrets with Key Vault's rules: versions, disabled and expired ones, soft delete, RBAC, events.

The trap it avoids: to Key Vault an expired secret is readable, a disabled one is not, a deleted one blocks its name.
An emulator that treats all three as "not there" hides the bugs of a rotation.
"""

import re
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from sandbox.arm.access import AccessControl
from sandbox.frame.service import Clock, system_clock
from sandbox.vault.refusals import (
    BeingDeleted,
    BeingRecovered,
    DeletedButRecoverable,
    DeletedSecretNotFound,
    InvalidBody,
    InvalidName,
    SecretDisabled,
    SecretNotFound,
)
from sandbox.vault.rights import data_action, permission_of
from sandbox.vault.secrets import Attributes, Secret, SecretEvent, SecretEventKind, SecretVersion

NEAR_EXPIRY_S: Final = 30 * 24 * 3600
"""How long before `exp` SecretNearExpiry comes, for the current version only (documented: 30 days)."""
RECOVERABLE_DAYS: Final = 90

_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST_VALUE: Final = 25_000
_MOST_TAGS: Final = 15


class Vault:
    """The secrets of one vault.

    `on_event` is called for every event that Key Vault would publish; the expiry events come when `announce_expiry` is
    called at or after their time.

    Attributes:
        settling_s: how many seconds a deletion, a recovery and a purge take. A recovered secret can be read after them,
            and be written after as many again (both orders are observed, azure-sdk-for-net#31581 and #26027).
    """

    def __init__(
        self,
        name: str,
        *,
        resource_id: str,
        access: AccessControl,
        clock: Clock = system_clock,
        location: str = "westeurope",
    ) -> None:
        self.name = name
        self.resource_id = resource_id
        self.location = location
        self.on_event: Callable[[SecretEvent], None] | None = None
        self.settling_s = 0.0
        self._access = access
        self._clock = clock
        self._secrets: dict[str, Secret] = {}
        self._deleted: dict[str, Secret] = {}
        self._purged: dict[str, Secret] = {}
        self._number = 0

    def allows(self, principal_id: str, action: str, name: str = "") -> bool:
        """Whether the principal holds a data action such as `getSecret/action` on a secret, or on the whole vault.

        A vault with access policies knows permissions on all of its secrets instead, and looks at no role.
        """
        policies = self._access.vault_policies
        if policies.in_use(self.resource_id):
            return policies.allows(self.resource_id, principal_id, permission_of(action))
        return self._access.allows(principal_id, data_action(action), self.scope(name), data=True)

    @property
    def uses_policies(self) -> bool:
        """Whether the vault goes by access policies."""
        return self._access.vault_policies.in_use(self.resource_id)

    def scope(self, name: str = "") -> str:
        """The ARM id of a secret, or of the vault."""
        return f"{self.resource_id}/secrets/{name}" if name else self.resource_id

    def read(self, name: str, version: str = "") -> SecretVersion:
        """A version with its value, the current one by default; one out of its time can be read (documented).

        Raises:
            SecretNotFound: no such secret or version.
            SecretDisabled: the version is disabled.
        """
        found = self._version(name, version)
        if not found.enabled:
            raise SecretDisabled
        return found

    def write(
        self,
        name: str,
        value: str,
        *,
        tags: dict[str, str] | None = None,
        content_type: str | None = None,
        attributes: Attributes | None = None,
    ) -> SecretVersion:
        """Create the secret, or a new current version of it.

        Raises:
            InvalidName, InvalidBody: the name, value or tags break Key Vault's limits.
            DeletedButRecoverable: the name belongs to a deleted secret.
            BeingDeleted, BeingRecovered: its secret is on its way.
        """
        _check(name, value=value, tags=tags)
        self._refuse_taken(name)
        secret = self._secrets.setdefault(name.lower(), Secret(name))
        self._number += 1
        wanted, now = attributes or Attributes(), self._now()
        version = SecretVersion(
            id=uuid4().hex,
            value=value,
            number=self._number,
            created=now,
            updated=now,
            enabled=wanted.enabled is not False,
            not_before=wanted.nbf,
            expires=wanted.exp,
            content_type=content_type,
            tags=tags,
        )
        secret.versions[version.id] = version
        self._emit(SecretEventKind.NEW_VERSION, secret, version)
        self.announce_expiry()
        return version

    def update(
        self,
        name: str,
        version: str = "",
        *,
        tags: dict[str, str] | None = None,
        content_type: str | None = None,
        attributes: Attributes | None = None,
    ) -> SecretVersion:
        """Change a version's attributes, content type and tags; what is None stays, tags are replaced as a whole."""
        found = self._version(name, version)
        _check(name, tags=tags)
        wanted = attributes or Attributes()
        found.enabled = found.enabled if wanted.enabled is None else wanted.enabled
        found.not_before = found.not_before if wanted.nbf is None else wanted.nbf
        if wanted.exp is not None and wanted.exp != found.expires:
            found.expires = wanted.exp
            found.announced.clear()
        found.content_type = found.content_type if content_type is None else content_type
        found.tags = found.tags if tags is None else tags
        found.updated = self._now()
        self.announce_expiry()
        return found

    def secrets(self, *, deleted: bool = False) -> list[Secret]:
        """All secrets, or all deleted ones, by name."""
        return sorted((self._deleted if deleted else self._secrets).values(), key=lambda secret: secret.name.lower())

    def secret(self, name: str) -> Secret:
        """The secret of that name, without regard to case; raises `SecretNotFound`."""
        _check(name)
        found = self._secrets.get(name.lower())
        if found is None or self._is_moving(found):
            raise SecretNotFound(name=name)
        return found

    def deleted(self, name: str) -> Secret:
        """The deleted secret of that name; raises `DeletedSecretNotFound`."""
        _check(name)
        found = self._deleted.get(name.lower())
        if found is None or self._is_moving(found):
            raise DeletedSecretNotFound(name=name)
        return found

    def delete(self, name: str) -> Secret:
        """Put the secret with all its versions into soft delete."""
        secret = self._secrets.pop(self.secret(name).name.lower())
        secret.deleted_on, secret.moved_at = self._now(), self._clock().timestamp()
        self._deleted[name.lower()] = secret
        return secret

    def recover(self, name: str) -> Secret:
        """Take a secret out of soft delete."""
        secret = self._deleted.pop(self.deleted(name).name.lower())
        secret.deleted_on, secret.moved_at = None, self._clock().timestamp()
        self._secrets[name.lower()] = secret
        return secret

    def purge(self, name: str) -> None:
        """Forget a deleted secret for good."""
        purged = self._deleted.pop(self.deleted(name).name.lower())
        purged.moved_at = self._clock().timestamp()
        self._purged[name.lower()] = purged

    def announce_expiry(self) -> None:
        """Publish the expiry events that are due, each once per version and expiry, of current versions only."""
        now = self._now()
        for secret in self._secrets.values():
            version = secret.current
            for kind, lead in ((SecretEventKind.NEAR_EXPIRY, NEAR_EXPIRY_S), (SecretEventKind.EXPIRED, 0)):
                if version.expires is not None and now >= version.expires - lead and kind not in version.announced:
                    version.announced.add(kind)
                    self._emit(kind, secret, version)

    def _refuse_taken(self, name: str) -> None:
        """Raise what Key Vault answers to a write while the name's secret is deleted or on its way."""
        key = name.lower()
        if (deleted := self._deleted.get(key)) is not None:
            raise BeingDeleted(name=name) if self._is_moving(deleted) else DeletedButRecoverable(name=name)
        if key in self._purged and self._is_moving(self._purged[key]):
            raise BeingDeleted(name=name)
        if key in self._secrets and self._is_moving(self._secrets[key], times=2):
            raise BeingRecovered(name=name)

    def _is_moving(self, secret: Secret, *, times: int = 1) -> bool:
        return self._clock().timestamp() < secret.moved_at + self.settling_s * times

    def _version(self, name: str, version: str) -> SecretVersion:
        secret = self.secret(name)
        if version and version not in secret.versions:
            raise SecretNotFound(name=f"{name}/{version}")
        return secret.versions[version] if version else secret.current

    def _emit(self, kind: SecretEventKind, secret: Secret, version: SecretVersion) -> None:
        if self.on_event is not None:
            self.on_event(
                SecretEvent(
                    kind, self.name, secret.name, version.id, self._clock(), version.not_before, version.expires
                )
            )

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _check(name: str, *, value: str | None = None, tags: dict[str, str] | None = None) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidName(name=name)
    if value is not None and len(value) > _LONGEST_VALUE:
        raise InvalidBody(reason=f"The secret's value is longer than {_LONGEST_VALUE} characters.")
    if tags is not None and len(tags) > _MOST_TAGS:
        raise InvalidBody(reason=f"A secret can't have more than {_MOST_TAGS} tags.")
