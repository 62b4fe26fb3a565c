"""The rounds: every check of every idea, for what the policy names, first what the others depend on."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.application.doctor.alerts import alert_checks
from shared.application.doctor.basics import basic_checks
from shared.application.doctor.credential_sets import credential_set_checks
from shared.application.doctor.credentials import CredentialChecks
from shared.application.doctor.docker_hub import Verdicts
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
from shared.application.rotation_ports import DockerHub, Rotations, Samples, Vaults
from shared.domain.policy import Policy

SHARED_FOR: Final = timedelta(seconds=15)
"""How long a report stands for whoever asks: one examination is dozens of calls to Azure, throttled per caller."""


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
        rotations: Rotations,
        samples: Samples,
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
        self._verdicts = Verdicts(hub=hub, rotations=rotations, samples=samples, clock=clock, from_memory=place.inside)
        self._logs = logs
        self._surroundings = surroundings
        self._clock = clock
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._latest: tuple[datetime, DoctorReport] | None = None

    async def examine(self) -> DoctorReport:
        """Look at everything, once for all who ask at the same time; raises nothing for what is wrong outside."""
        async with self._turn:
            if self._latest is None or abs(self._clock.now() - self._latest[0]) >= SHARED_FOR:
                place = await self._with_principal()
                doctor = Doctor(list(self._checks(place)), inside=place.inside, limit_s=self._limit_s)
                report = await doctor.examine()
                self._latest = self._clock.now(), report
            return self._latest[1]

    async def _with_principal(self) -> Place:
        """Inside the app, commands name the identity that it has."""
        if not self._place.inside or self._place.principal is not None:
            return self._place
        try:
            async with asyncio.timeout(self._limit_s):
                caller = await self._surroundings.caller()
        except Exception:  # noqa: BLE001 - the check of the identity tells, and the others go on without a name
            return self._place
        return msgspec.structs.replace(self._place, principal=caller.object_id)

    def _checks(self, place: Place) -> Iterator[Check]:
        policy, surroundings = self._policy, self._surroundings
        subscription = policy.registries[0].id.split("/")[2]
        credentials = CredentialChecks(
            policy=policy,
            vaults=self._vaults,
            vault_access=self._vault_access,
            verdicts=self._verdicts,
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
