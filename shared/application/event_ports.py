"""What events need of the outside beyond the other ports: what an image is made of, and who changed what before."""

from typing import Protocol

from shared.application.ports import Stored
from shared.domain.drift import DriftRecord
from shared.domain.images import ImageReference


class Lineage(Protocol):
    """What the things in a registry say they are made of."""

    async def made_of(self, login_server: str, repository: str, reference: str) -> tuple[ImageReference, ...]:
        """The images that a manifest, an index or a chart names, bounded in bytes and depth; none when it names none.

        Raises:
            NotServed: the registry does not serve it, or not yet.
            PullRefused: it never will.
        """


class DriftRecords(Protocol):
    """Changes by others, a record per resource."""

    async def get(self, resource: str) -> Stored[DriftRecord] | None:
        """The record, None when there is none."""

    async def insert(self, record: DriftRecord) -> None:
        """Store a new record; raises `Changed` when it exists."""

    async def replace(self, stored: Stored[DriftRecord], record: DriftRecord) -> None:
        """Replace a record as it was read; raises `Changed` when it was changed since."""
