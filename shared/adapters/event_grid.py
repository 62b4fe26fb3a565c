"""An Event Grid custom topic, to which notices go as CloudEvents.

The traps: the SDK posts to the endpoint exactly as it is given, so one without `/api/events` posts to the root
(observed); and Event Grid keeps no ids, so the notice's own id is the event's, by which a reader knows a repetition.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from shared.adapters.azure_errors import azure_call
from shared.adapters.clients import client_options
from shared.application.channel_ports import Channel
from shared.domain.json_reader import read_json
from shared.domain.notices import Notice
from shared.errors import PermanentError
from shared.telemetry.names import Outside

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_DEADLINE_S = 30.0


class EndpointInvalid(PermanentError):
    """A channel's endpoint is not one that a token may be sent to."""

    code = "endpoint_invalid"
    hint = "Use the topic's endpoint as its overview page shows it: https://….eventgrid.azure.net/api/events."


class EventGridChannel(Channel):
    """An Event Grid topic; the client is made on first use, closed by `aclose`."""

    def __init__(self, credential: "AsyncTokenCredential", endpoint: str, **options: Any) -> None:
        """Nothing is sent yet; raises `EndpointInvalid` when the endpoint is no https address."""
        parts = urlsplit(endpoint)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
            raise EndpointInvalid("the endpoint of an event_grid channel is no https address")
        self._credential = credential
        self._endpoint = endpoint
        self._options = options
        self._made: Any = None

    async def aclose(self) -> None:
        """Close the connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    async def send(self, notice: Notice) -> None:
        """Publish the notice; the same notice again carries the same id."""
        from azure.core.messaging import CloudEvent

        event = CloudEvent(
            id=notice.id,
            type=f"cachewarden.{notice.kind}",
            source=notice.registry_id or "/cachewarden",  # may not be empty (CloudEvents 1.0)
            subject=notice.subject,
            time=notice.at,
            datacontenttype="application/json",
            data=read_json(msgspec.json.encode(notice)),  # lists, where the SDK would write a tuple as text
        )
        async with azure_call(Outside.EVENT_GRID_PUBLISH, "publishing to the topic", deadline_s=_DEADLINE_S):
            await self._client().send(event)

    def _client(self) -> Any:
        if self._made is None:
            from azure.eventgrid.aio import EventGridPublisherClient

            self._made = EventGridPublisherClient(
                self._endpoint, self._credential, **(client_options() | self._options)
            )
        return self._made
