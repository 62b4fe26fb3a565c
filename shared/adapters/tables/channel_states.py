"""What is remembered about each channel, in one table and a partition per channel."""

from typing import Final

from shared.adapters.tables.client import Tables
from shared.adapters.tables.keys import table_key
from shared.adapters.tables.records import Records
from shared.application.channel_ports import ChannelStates
from shared.application.ports import Stored
from shared.domain.circuits import Circuit
from shared.domain.storms import Window

_CIRCUIT: Final = "circuit"
_WINDOW: Final = "window"


class TableChannelStates(ChannelStates):
    """The table `channels`."""

    def __init__(self, tables: Tables) -> None:
        table = tables.table("channels")
        self._circuits = Records(table, Circuit)
        self._windows = Records(table, Window)

    async def circuit(self, channel: str) -> Stored[Circuit] | None:
        """How the channel has been; None when nothing is known, which is good."""
        return await self._circuits.get(table_key(channel), _CIRCUIT)

    async def save_circuit(self, channel: str, stored: Stored[Circuit] | None, circuit: Circuit) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await self._circuits.save(table_key(channel), _CIRCUIT, stored, circuit)

    async def window(self, channel: str) -> Stored[Window] | None:
        """What it was told lately, None when nothing."""
        return await self._windows.get(table_key(channel), _WINDOW)

    async def save_window(self, channel: str, stored: Stored[Window] | None, window: Window) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
        await self._windows.save(table_key(channel), _WINDOW, stored, window)
