"""The credentials: their vault, their secrets, the token itself, and the credential sets that read them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from shared.application.custody import Pair
from shared.application.doctor import commands
from shared.application.doctor.docker_hub import Verdicts
from shared.application.doctor.examination import Check
from shared.application.doctor.findings import Judgement, failing, ok, together, warning
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Surroundings, VaultDocument
from shared.application.doctor.roles import vault_roles
from shared.application.ports import Clock
from shared.application.registry_ports import VaultAccess
from shared.application.rotation_ports import CredentialRejected, SecretDisabled, Vaults
from shared.domain.policy import Policy
from shared.domain.policy_credentials import Credential, Provider

_SOON: Final = timedelta(days=7)
_DOCKER_HUB: Final = frozenset({"docker.io", "dhi.io"})


class CredentialChecks:
    """The checks of every credential of a policy."""

    def __init__(  # noqa: PLR0913 - the ports that it asks, each by name
        self,
        *,
        policy: Policy,
        vaults: Vaults,
        vault_access: VaultAccess,
        verdicts: Verdicts,
        surroundings: Surroundings,
        clock: Clock,
        place: Place,
    ) -> None:
        self._policy = policy
        self._vaults = vaults
        self._vault_access = vault_access
        self._verdicts = verdicts
        self._surroundings = surroundings
        self._clock = clock
        self._place = place

    def checks(self) -> Iterator[Check]:
        """For each credential its vault, the app's right on it, each secret, and for Docker Hub the token itself."""
        used = {up.credential: host for host, up in self._policy.upstreams.items() if up.credential}
        for name, credential in self._policy.credentials.items():
            reach = "the role Role Based Access Control Administrator on it"
            yield Check(f"vault of {name}", reach, partial(self._vault, credential), (commands.PROVISION,))
            yield Check(f"roles on the vault of {name}", reach, partial(self._roles, credential), spare=True)
            for secret in _secrets(credential):
                yield Check(
                    f"secret {secret} of {name}",
                    f"a role on the secret; {commands.WIRE} gives it once the secret is there",
                    partial(self._secret, credential, secret),
                    (commands.WIRE,),
                )
            if used.get(name) in _DOCKER_HUB:
                yield Check(f"token of {name}", "both secrets to be readable", partial(self._token, name, credential))

    async def vault_id(self, credential: Credential) -> str:
        """The ARM id of a credential's vault."""
        if credential.vault_id:
            return credential.vault_id
        subscription = self._policy.registries[0].id.split("/")[2]
        return await self._vault_access.vault_id(credential.vault, subscription)

    async def _vault(self, credential: Credential) -> Judgement:
        document = await self._surroundings.vault(await self.vault_id(credential))
        return vault_judged(commands.vault_name(credential.vault), document)

    async def _roles(self, credential: Credential) -> Judgement:
        vault_id = await self.vault_id(credential)
        document = await self._surroundings.vault(vault_id)
        return await vault_roles(self._surroundings, self._place, vault_id, uses_roles=document.uses_roles)

    async def grants(self, credential: Credential, principal: str) -> tuple[str, ...]:
        """The commands that let a credential set's identity read its secrets, as the vault's model of access has it."""
        vault_id = await self.vault_id(credential)
        if not (await self._surroundings.vault(vault_id)).uses_roles:
            words = ("keyvault", "set-policy", "--name", commands.vault_name(vault_id), "--object-id", principal)
            return (commands.az(*words, "--secret-permissions", "get"),)
        return tuple(
            commands.grant("Key Vault Secrets User", principal, f"{vault_id.rstrip('/')}/secrets/{secret}")
            for secret in credential.secrets
        )

    async def _secret(self, credential: Credential, name: str) -> Judgement:
        """Whether a secret is there and lasts; its text is read, since that right is what is needed, and dropped."""
        write = commands.write_secret(credential.vault, name)
        enable = ("keyvault", "secret", "set-attributes", "--vault-name", commands.vault_name(credential.vault))
        try:
            found = await self._vaults.read(credential.vault, name)
        except SecretDisabled:
            line = commands.az(*enable, "--name", name, "--enabled", "true")
            return failing("its current version is disabled", "an enabled version", line)
        if found is None:
            return failing("there is no such secret", "a secret of that name", write)
        if not found.value.strip():
            return failing("it is empty", "a value", write)
        return end_judged(found.expires_on, self._clock.now(), write)

    async def _token(self, name: str, credential: Credential) -> Judgement:
        """What Docker Hub says to the pair."""
        user, token = [await self._vaults.read(credential.vault, secret) for secret in credential.secrets]
        if user is None or token is None:
            return failing("there is no pair of user name and token", "both secrets")
        try:
            reading = await self._verdicts.of(name, Pair(user, token))
        except CredentialRejected as rejected:
            mend = commands.rotate(name, self._place.address)
            if credential.provider is Provider.ASSISTED:
                mend = commands.write_secret(credential.vault, f"{credential.token_secret}-next")
            return failing(f"{rejected.code}: Docker Hub refuses it", "a token that Docker Hub takes", mend)
        if reading.refused:
            return warning("Docker Hub answers 429 to a mere look", "time: its limit for requests is used up")
        if reading.limit is None:
            return ok("Docker Hub takes it, without a pull limit")
        if not reading.remaining:
            expected = "pulls that are left: a plan with more, or time"
            return warning(f"no pulls are left of {reading.limit}", expected)
        return ok(f"Docker Hub takes it; {reading.remaining} of {reading.limit} pulls are left")


def end_judged(end: datetime | None, now: datetime, write: str) -> Judgement:
    """What a secret's end means; `write` is the command that writes a new version."""
    if end is None:
        return ok("without an end")
    left = end - now
    if left <= timedelta(0):
        return failing(f"it ended at {end:%Y-%m-%d %H:%M} UTC", "a version that lasts", write)
    if left <= _SOON:
        return warning(f"it ends in {left.days} d", f"more than {_SOON.days} d; a rotation should have begun", write)
    return ok(f"for {left.days} d more")


def vault_judged(name: str, document: VaultDocument) -> Judgement:
    """What a vault's model of access and its firewall mean for credential sets."""
    problems = []
    if not document.uses_roles:
        expected = "access by roles: a policy opens every secret of the vault. Change it when everybody has their role"
        line = commands.az("keyvault", "update", "--name", name, "--enable-rbac-authorization", "true")
        problems.append(warning("access is by access policies", expected, line))
    network = document.network
    if not (network.is_public and network.is_open) and not network.trusts_azure:
        expected = "a firewall that lets Azure's trusted services through: the registry reads the secrets itself"
        line = commands.az("keyvault", "update", "--name", name, "--bypass", "AzureServices")
        problems.append(failing("a firewall without trusted services", expected, line))
    return together(problems, otherwise="access is by roles, and registries reach it")


def _secrets(credential: Credential) -> tuple[str, ...]:
    minting = (credential.owner_username_secret, credential.owner_secret)
    more = () if credential.provider is Provider.ASSISTED else minting
    return (*credential.secrets, *(name for name in more if name))
