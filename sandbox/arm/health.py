"""Whether a credential set works: computed each time that somebody looks, from the vault and from Docker Hub.

ACR publishes no list of health codes and doesn't say how often it looks; the codes here are made up, and looking at
read time is the reading under which a client can't rely on a delay.
"""

from typing import Final

import msgspec

from sandbox.arm.ports import SecretReader, SecretUnreadable, Unreadable, UpstreamLogin
from sandbox.arm.registries import CredentialSet
from sandbox.arm.upstreams import DOCKER_HUB

_WORDS: Final = {
    Unreadable.UNKNOWN_VAULT: ("KeyVaultNotFound", "The key vault of '{id}' could not be reached."),
    Unreadable.FORBIDDEN: ("KeyVaultAccessDenied", "The identity '{principal}' is not authorized to read '{id}'."),
    Unreadable.NOT_FOUND: ("KeyVaultSecretNotFound", "The secret '{id}' was not found."),
    Unreadable.DISABLED: ("KeyVaultSecretDisabled", "The secret '{id}' is disabled."),
    Unreadable.EXPIRED: ("KeyVaultSecretExpired", "The secret '{id}' has expired."),
}


class Health(msgspec.Struct, frozen=True):
    """A verdict: healthy when `code` is empty."""

    code: str = ""
    message: str = ""

    @property
    def healthy(self) -> bool:
        """Whether pulls through the set can work."""
        return not self.code


class HealthCheck:
    """Looks with a set's own identity, and asks Docker Hub for its own; other upstreams are not asked."""

    def __init__(self, *, secrets: SecretReader, upstream: UpstreamLogin) -> None:
        self._secrets = secrets
        self._upstream = upstream

    def secrets_of(self, found: CredentialSet) -> tuple[str, str]:
        """User name and password as the set's principal reads them; raises `SecretUnreadable`."""
        credential = found.credential
        username, password = (
            self._secrets.read_secret(identifier, principal_id=found.principal_id)
            for identifier in (credential.username_secret, credential.password_secret)
        )
        return username, password

    async def check(self, found: CredentialSet) -> Health:
        """The verdict of this moment."""
        try:
            username, password = self.secrets_of(found)
        except SecretUnreadable as error:
            code, words = _WORDS[error.reason]
            return Health(code, words.format(id=error.identifier, principal=found.principal_id))
        if found.login_server == DOCKER_HUB and not await self._upstream.accepts(username, password):
            return Health("UpstreamAuthenticationFailed", "The login server 'docker.io' rejected the credentials.")
        return Health()
