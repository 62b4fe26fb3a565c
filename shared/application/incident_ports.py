"""The incidents, as the use cases store and look for them."""

from collections.abc import AsyncIterator
from typing import Protocol

from shared.application.ports import Position, Stored
from shared.domain.incidents import Incident, IncidentState


class Incidents(Protocol):
    """The incidents, one record each."""

    async def get(self, incident_id: str) -> Stored[Incident] | None:
        """The incident, None when there is none."""

    async def insert(self, incident: Incident) -> Stored[Incident]:
        """Store a new incident; raises `Changed` when it exists."""

    async def replace(self, stored: Stored[Incident], incident: Incident) -> Stored[Incident]:
        """Replace an incident as it was read; raises `Changed` when it was changed since."""

    def of_registry(self, registry_id: str, *, active_only: bool) -> AsyncIterator[Stored[Incident]]:
        """The incidents of a registry; `active_only` leaves out what is settled or waits for a person."""

    def newest(
        self,
        limit: int,
        *,
        states: frozenset[IncidentState] = frozenset(),
        naming: str = "",
        before: Position | None = None,
    ) -> AsyncIterator[Incident]:
        """The incidents of all registries, at most `limit`, latest change first.

        Args:
            limit: how many at most.
            states: only those in one of these states; empty: in any.
            naming: only those whose source repository has this text in it, in lower case.
            before: only what comes after this place; `key` is the incident's id.
        """

    async def counts(self) -> dict[IncidentState, int]:
        """How many incidents are in each state; states that none is in are left out."""
