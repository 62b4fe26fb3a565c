"""Channels that are watched: a span and a count for each notice that is handed over, by the kind of channel."""

from collections.abc import Iterator, Mapping

from shared.application.channel_ports import Channel
from shared.domain.notices import Notice
from shared.domain.policy import Policy
from shared.telemetry.instruments import NOTICES
from shared.telemetry.metrics import OTHER, counted
from shared.telemetry.names import Work
from shared.telemetry.spans import working


class ObservedChannels(Mapping[str, Channel]):
    """Channels by name, each watched under the kind that the policy gives it."""

    def __init__(self, policy: Policy, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self._kinds = {name: str(one.__struct_config__.tag) for name, one in policy.notifications.channels.items()}

    def __getitem__(self, name: str) -> Channel:
        return _Observed(self._channels[name], self._kinds.get(name, OTHER))

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


class _Observed(Channel):
    def __init__(self, channel: Channel, kind: str) -> None:
        self._channel = channel
        self._kind = kind

    async def send(self, notice: Notice) -> None:
        with working(Work.SEND, channel_kind=self._kind), counted(NOTICES, channel_kind=self._kind):
            await self._channel.send(notice)
