"""Adoption: a new token counts only when the registries work with it, by ACR's own verdict and by a pull.

How soon ACR reads a new version is not documented anywhere; an update with the same ids makes it look, and how long
that took is recorded. ACR has called good credentials bad (observed, Azure/acr#779), so its verdict alone never starts
a rotation; here it only says whether ours went well.
"""

from collections.abc import Callable

from shared.application.incident_ports import Incidents
from shared.application.publication import Publication
from shared.application.registry_ports import Registries, RegistryContent
from shared.domain.cache_rules import CacheRule
from shared.domain.policy_credentials import Credential
from shared.errors import TemporaryError


class NotAdopted(TemporaryError):
    """A registry does not work with the new credentials yet."""

    code = "not_adopted"
    hint = "Look at the credential set's health in the portal, and whether its identity may read the secrets."


class Adoption:
    """Has the registries take up the live pair, and proves that they did."""

    def __init__(
        self, *, publication: Publication, registries: Registries, content: RegistryContent, incidents: Incidents
    ) -> None:
        self._publication = publication
        self._registries = registries
        self._content = content
        self._incidents = incidents

    async def adopt(self, credential: Credential, check: Callable[[], None]) -> tuple[str, ...]:
        """Validate each credential set anew, and pull through a rule of it.

        Returns:
            What was proven, a sentence for each set.

        Raises:
            NotAdopted: not yet, or the pull is refused for a reason that may pass.
            PermanentError: a pull is refused for a reason that does not pass.
        """
        await self._publication.follow(credential, check)
        proofs = []
        async for registry_id, snapshot, found in self._publication.sets(credential):
            now = await self._registries.credential_set(registry_id, found.name)
            if now is None or now.healthy is False:
                why = "it is gone" if now is None else now.health_code or "Unhealthy"
                raise NotAdopted(f"the credential set {found.name} of {snapshot.login_server}: {why}")
            rules = [rule for rule in snapshot.rules if rule.credential_set == found.name]
            pulled = await self._pull(registry_id, snapshot.login_server, rules)
            proofs.append(f"{found.name} is healthy; {pulled}")
        return tuple(proofs)

    async def _pull(self, registry_id: str, login_server: str, rules: list[CacheRule]) -> str:
        """Pull an image that the registry has served before, through one of these rules."""
        reference = await self._known(registry_id, {rule.name for rule in rules})
        if reference is None:
            return "no image is known that could be pulled through it"
        path = reference.partition("/")[2]
        repository, separator, digest = path.partition("@")
        tag = digest
        if not separator:
            repository, _, tag = path.rpartition(":")
        served = await self._content.manifest(login_server, repository, tag)
        return f"{path} was served as {served.digest[:19]}"

    async def _known(self, registry_id: str, rules: set[str]) -> str | None:
        async for stored in self._incidents.of_registry(registry_id, active_only=False):
            if stored.value.rule in rules and stored.value.proofs:
                return stored.value.proofs[-1].pull_from
        return None
