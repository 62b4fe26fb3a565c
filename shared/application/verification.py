"""Verification: the cure is proven by pulling each image through the registry, as its workload will."""

import asyncio
from collections.abc import Iterable

import stamina

from shared.application.apply import CredentialUnhealthy, unhealthy_set, wait_of
from shared.application.ports import Clock
from shared.application.registry_ports import NotServed, RegistryContent, ServedManifest
from shared.domain.images import ImageReference, parse_reference
from shared.domain.incidents import Incident, Proof
from shared.domain.registries import RegistrySnapshot
from shared.telemetry import bind, get_logger
from shared.telemetry.names import Work
from shared.telemetry.spans import working
from shared.telemetry.tracing import link

USUAL_PLATFORM = "linux/amd64"
"""ACR stores an index and the manifests of the platforms that are pulled (documented); this one is warmed."""

_AT_ONCE = 4

_log = get_logger(__name__)


class Verification:
    """Pulls the images of an incident through its registry."""

    def __init__(self, *, content: RegistryContent, clock: Clock, patience: float) -> None:
        self._content = content
        self._clock = clock
        self._patience = patience

    async def prove(self, registry: RegistrySnapshot, incident: Incident) -> tuple[Proof, ...]:
        """One proof for each reference of the incident that has none yet.

        A new rule takes minutes until the data plane honours it (observed), so what is not served yet is asked again,
        up to the patience.

        Raises:
            CredentialUnhealthy: not served, and ACR says that the rule's credential set does not work.
            NotServed: not served within the patience.
            PullRefused: the registry refuses for good.
        """
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(image: str, pull_from: str) -> Proof:
            async with gate:
                served = await self._until_served(registry.login_server, parse_reference(pull_from))
            _log.info("image.served", image=image, pull_from=pull_from, origin=served.origin)
            return Proof(
                image=image, pull_from=pull_from, digest=served.digest, origin=served.origin, at=self._clock.now()
            )

        missing = [(image, new) for image, new in incident.pull_from.items() if image not in _proven(incident.proofs)]
        with bind(incident=incident.id), working(Work.VERIFICATION):
            link(incident.traces)
            results = await asyncio.gather(*(one(*pair) for pair in missing), return_exceptions=True)
        for result in results:
            if isinstance(result, NotServed) and (verdict := _verdict(registry, incident.rule)):
                raise CredentialUnhealthy(f"{result}; {verdict}") from result
            if isinstance(result, BaseException):
                raise result
        return tuple(result for result in results if isinstance(result, Proof))

    async def _until_served(self, login_server: str, reference: ImageReference) -> ServedManifest:
        wanted = reference.digest or reference.tag or "latest"
        async for attempt in stamina.retry_context(
            on=wait_of, attempts=None, timeout=self._patience, wait_initial=0.2, wait_max=15, wait_jitter=0.2
        ):
            with attempt:
                served = await self._content.manifest(login_server, reference.repository, wanted)
                if served.platforms:
                    usual = served.platforms.get(USUAL_PLATFORM) or next(iter(served.platforms.values()))
                    await self._content.manifest(login_server, reference.repository, usual)
                return served
        raise NotServed(f"{reference} is not served")  # pragma: no cover - the loop above returns or raises


def _verdict(registry: RegistrySnapshot, rule_name: str | None) -> str:
    """What ACR says is wrong with the credential set of a rule, empty when nothing is."""
    names = {(rule.credential_set or "").lower() for rule in registry.rules if rule.name == rule_name}
    sick = (one for one in registry.credential_sets if one.name.lower() in names and one.healthy is False)
    return next((unhealthy_set(one) for one in sick), "")


def _proven(proofs: Iterable[Proof]) -> set[str]:
    return {proof.image for proof in proofs}
