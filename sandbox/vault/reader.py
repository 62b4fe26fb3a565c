"""Reads secrets as another Azure service does on behalf of an identity: by id, with that identity's own rights."""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from sandbox.arm.ports import SecretUnreadable, Unreadable
from sandbox.frame.service import Clock, system_clock
from sandbox.vault.handlers import VaultService
from sandbox.vault.refusals import InvalidName, SecretDisabled, SecretNotFound


class VaultReader:
    """The vaults of the sandbox, found by the host of a secret's id."""

    def __init__(self, vaults: Sequence[VaultService], *, clock: Clock = system_clock) -> None:
        self._vaults = tuple(vaults)
        self._clock = clock

    def read_secret(self, identifier: str, *, principal_id: str) -> str:
        """The value; an expired secret counts as unreadable here (a guess: Key Vault itself would hand it out).

        Raises:
            SecretUnreadable: there is no such vault or secret, it is disabled or expired, or the principal may not.
        """
        parts = urlsplit(identifier)
        service = next(
            (one for one in self._vaults if urlsplit(one.base_url).netloc.lower() == parts.netloc.lower()), None
        )
        kind, name, version = [*(unquote(part) for part in parts.path.strip("/").split("/")), "", ""][:3]
        if service is None or kind != "secrets":
            raise SecretUnreadable(identifier, Unreadable.UNKNOWN_VAULT)
        if not service.vault.allows(principal_id, "getSecret/action", name):
            raise SecretUnreadable(identifier, Unreadable.FORBIDDEN)
        try:
            found = service.vault.read(name, version)
        except (SecretNotFound, InvalidName) as refusal:
            raise SecretUnreadable(identifier, Unreadable.NOT_FOUND) from refusal
        except SecretDisabled as refusal:
            raise SecretUnreadable(identifier, Unreadable.DISABLED) from refusal
        if found.expires is not None and self._clock().timestamp() >= found.expires:
            raise SecretUnreadable(identifier, Unreadable.EXPIRED)
        return found.value
