"""Where the services of a world listen."""

import msgspec


class Urls(msgspec.Struct, frozen=True):
    """Where the services are: scheme, host and port; `topic` and `identity` are whole endpoints."""

    arm: str
    vault: str
    logs: str
    hub: str
    hub_auth: str
    hub_registry: str
    registry: str
    topic: str
    sink: str
    insights: str
    identity: str
    control: str
