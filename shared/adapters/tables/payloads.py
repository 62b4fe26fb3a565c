"""Alerts that don't fit into a queue message, kept until they are read.

An entity holds 1 MiB and a binary property 64 KiB (documented), so a payload is cut into up to twelve properties and
stays one entity: it is there as a whole or not at all.
"""

from typing import Final

from shared.adapters.tables.client import PARTITION, ROW, Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import in_pieces, pieces
from shared.application.delivery_ports import Payloads
from shared.errors import PermanentError

LARGEST_PAYLOAD: Final = 768_000
"""Bytes of a payload: three times an alert's 256 KB, and within 1 MiB as base64, which Azurite counts (observed)."""

_PIECE: Final = 64 * 1024
_ROW: Final = "payload"


class PayloadTooLarge(PermanentError):
    """A payload does not fit into the store."""

    code = "payload_too_large"
    hint = "Azure Monitor sends at most 256 KB; lower CACHEWARDEN_LARGEST_ALERT to that."


class TablePayloads(Payloads):
    """Payloads in the table `payloads`."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("payloads")

    async def put(self, key: str, body: bytes) -> None:
        """Keep it; the same key again replaces it.

        Raises:
            PayloadTooLarge: it is larger than `LARGEST_PAYLOAD`.
        """
        if len(body) > LARGEST_PAYLOAD:
            raise PayloadTooLarge(f"a payload of {len(body)} bytes; at most {LARGEST_PAYLOAD} can be kept")
        await self._table.put({PARTITION: table_key(key), ROW: _ROW, **in_pieces("body", body, _PIECE)})

    async def get(self, key: str) -> bytes | None:
        """The payload, None when it is gone."""
        found = await self._table.get(table_key(key), _ROW)
        return None if found is None else b"".join(pieces(found[0], "body"))

    async def delete(self, key: str) -> None:
        """Forget it."""
        await self._table.delete(table_key(key), _ROW)
