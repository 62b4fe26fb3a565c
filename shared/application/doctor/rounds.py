"""The rounds: every check of every idea, for what the policy names, first what the others depend on."""

from collections.abc import Iterator

import msgspec

from shared.application.doctor.alerts import alert_checks
from shared.application.doctor.basics import basic_checks
from shared.application.doctor.credential_sets import credential_set_checks
from shared.application.doctor.credentials import CredentialChecks
from shared.application.doctor.events import event_checks
from shared.application.doctor.examination import LIMIT_S, Check, Doctor
from shared.application.doctor.findings import DoctorReport
from shared.application.doctor.place import Place
from shared.application.doctor.ports import Queues, Surroundings
from shared.application.doctor.registries import registry_checks
from shared.application.doctor.roles import registry_roles
from shared.application.doctor.storage import storage_checks
from shared.application.doctor.workspaces import workspace_checks
from shared.application.incident_ports import Incidents
from shared.application.log_ports import Logs
from shared.application.ports import Clock
from shared.application.registry_ports import Registries, RegistryContent, VaultAccess
from shared.application.rotation_ports import DockerHub, Vaults
from shared.domain.policy import Policy
from shared.errors import CachewardenError


class Rounds:
    """The doctor's way through everything that the policy names."""

    def __init__(  # noqa: PLR0913 - the ports that it asks, each by name
        self,
        *,
        policy: Policy,
        place: Place,
        incidents: Incidents,
        queues: Queues,
        registries: Registries,
        content: RegistryContent,
        vault_access: VaultAccess,
        vaults: Vaults,
        hub: DockerHub,
        logs: Logs,
        surroundings: Surroundings,
        clock: Clock,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._policy = policy
        self._place = place
        self._incidents = incidents
        self._queues = queues
        self._registries = registries
        self._content = content
        self._vault_access = vault_access
        self._vaults = vaults
        self._hub = hub
        self._logs = logs
        self._surroundings = surroundings
        self._clock = clock
        self._limit_s = limit_s

    async def examine(self) -> DoctorReport:
        """Look at everything; raises nothing for what is wrong outside."""
        place = await self._with_principal()
        return await Doctor(list(self._checks(place)), inside=place.inside, limit_s=self._limit_s).examine()

    async def _with_principal(self) -> Place:
        """Inside the app, commands name the identity that it has."""
        if not self._place.inside or self._place.principal is not None:
            return self._place
        try:
            caller = await self._surroundings.caller()
        except CachewardenError:
            return self._place  # the check of the identity tells
        return msgspec.structs.replace(self._place, principal=caller.object_id)

    def _checks(self, place: Place) -> Iterator[Check]:
        policy, surroundings = self._policy, self._surroundings
        subscription = policy.registries[0].id.split("/")[2]
        credentials = CredentialChecks(
            policy=policy,
            vaults=self._vaults,
            vault_access=self._vault_access,
            hub=self._hub,
            surroundings=surroundings,
            clock=self._clock,
            place=place,
        )
        yield from basic_checks(surroundings, self._clock, place, subscription)
        yield from storage_checks(self._incidents, self._queues, place)
        for registry in policy.registries:
            yield from registry_checks(
                registry,
                registries=self._registries,
                content=self._content,
                surroundings=surroundings,
                place=place,
            )
            yield from registry_roles(registry, surroundings, place)
        yield from credentials.checks()
        for registry in policy.registries:
            yield from credential_set_checks(
                registry,
                policy=policy,
                registries=self._registries,
                vault_access=self._vault_access,
                credentials=credentials,
                place=place,
            )
        yield from workspace_checks(policy, logs=self._logs, clock=self._clock, place=place)
        yield from event_checks(policy, surroundings=surroundings, credentials=credentials, place=place)
        yield from alert_checks(policy, surroundings=surroundings, place=place)
