"""The channels, and what is remembered about each: whether it works, and how much it was told lately."""

from typing import Protocol

from shared.application.ports import Stored
from shared.domain.circuits import Circuit
from shared.domain.notices import Notice
from shared.domain.storms import Window


class Channel(Protocol):
    """One way to tell people."""

    async def send(self, notice: Notice) -> None:
        """Hand the notice over; the same notice again carries the same id."""


class ChannelStates(Protocol):
    """The channels' states, by the channels' names in the policy."""

    async def circuit(self, channel: str) -> Stored[Circuit] | None:
        """How the channel has been; None when nothing is known, which is good."""

    async def save_circuit(self, channel: str, stored: Stored[Circuit] | None, circuit: Circuit) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""

    async def window(self, channel: str) -> Stored[Window] | None:
        """What it was told lately, None when nothing."""

    async def save_window(self, channel: str, stored: Stored[Window] | None, window: Window) -> None:
        """Replace it as it was read; raises `Changed` when it was changed since."""
