"""Prevention: an image that is pushed tells what it is built from, and the next build would pull that again.

The trap is a loop: a cure fills the cache, the fill is a push, the cached image has a base of its own, and so on up to
`scratch`. So whatever lies below a rule's target, or where the policy puts one, is never looked at.
"""

import msgspec

from shared.application.delivery_ports import Intends
from shared.application.event_ports import Lineage
from shared.application.incident_ports import Incidents
from shared.application.ports import Changed, Clock
from shared.application.records import store_new
from shared.application.registry_ports import NotThere, PullRefused, Registries
from shared.application.survey import Survey
from shared.domain.cache_rules import serving_rule
from shared.domain.events import PushHint
from shared.domain.failures import Cause
from shared.domain.images import ImageReference
from shared.domain.incidents import Incident, incident_id
from shared.domain.planner import plan
from shared.domain.plans import PlannedImage, Status
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.prevention import open_preventive
from shared.telemetry import get_logger

_log = get_logger(__name__)


class Prevented(msgspec.Struct, frozen=True):
    """What came of a push: the incidents that were opened, or why none was."""

    incidents: tuple[Incident, ...] = ()
    reason: str = ""


class Prevention:
    """Opens incidents for what pushed images are made of."""

    def __init__(  # noqa: PLR0913 - the ports that it uses, each by name
        self,
        *,
        policy: Policy,
        incidents: Incidents,
        registries: Registries,
        survey: Survey,
        lineage: Lineage,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._incidents = incidents
        self._registries = registries
        self._survey = survey
        self._lineage = lineage
        self._clock = clock

    async def look(self, registry: RegistryPolicy, hint: PushHint, intends: Intends) -> Prevented:
        """Open an incident for each image that is allowed, comes from an upstream of the policy and is not covered.

        Those that are about to be opened are noted by `intends` first. A repository that has an incident is known, and
        a push adds nothing to it.

        Raises:
            TemporaryError: something outside or the storage is in trouble, or the image is not served yet.
            PermanentError: the registry refuses to show it.
        """
        if self._is_cached_by_policy(hint.repository):
            return Prevented(reason="cache_fill")
        bare = await self._registries.read(registry.id)
        if serving_rule(bare.rules, hint.repository) is not None:
            return Prevented(reason="cache_fill")
        try:
            made_of = await self._lineage.made_of(bare.login_server, hint.repository, hint.references[0])
        except (NotThere, PullRefused):
            if not hint.absent:
                raise
            return Prevented(reason=hint.absent)
        allowed = [image for image in made_of if self._policy.allows(image.registry, image.repository)]
        if not allowed:
            return Prevented(reason="base_not_allowed" if made_of else "no_base")
        found_in = f"{bare.login_server}/{hint.repository}"
        missing = [i for i in await self._uncovered(registry, allowed) if not await self._is_known(registry, i)]
        await intends([incident_id(registry.id, image.source) for image in missing])
        opened = [await self._open(registry, image, found_in) for image in missing]
        incidents = tuple(incident for incident in opened if incident is not None)
        return Prevented(incidents=incidents, reason="" if incidents else "base_covered")

    def _is_cached_by_policy(self, repository: str) -> bool:
        targets = (upstream.target for upstream in self._policy.upstreams.values())
        return any(f"{repository}/".startswith(f"{target}/") for target in targets)

    async def _uncovered(self, registry: RegistryPolicy, images: list[ImageReference]) -> list[ImageReference]:
        snapshot = await self._survey.read(registry.id)
        wanted = [PlannedImage(text=str(image), reference=image, cause=Cause.RATE_LIMITED) for image in images]
        outcomes = plan(snapshot, wanted, self._policy, registry=registry).outcomes
        return [i for i, outcome in zip(images, outcomes, strict=True) if outcome.status is not Status.COVERED]

    async def _is_known(self, registry: RegistryPolicy, image: ImageReference) -> bool:
        return await self._incidents.get(incident_id(registry.id, image.source)) is not None

    async def _open(self, registry: RegistryPolicy, image: ImageReference, found_in: str) -> Incident | None:
        """A new incident, None when somebody was faster."""
        incident = open_preventive(registry.id, image, found_in, self._clock.now())
        try:
            await store_new(self._incidents, incident)
        except Changed:
            return None
        _log.info("incident.preventive", incident=incident.id, source=image.source)
        return incident
