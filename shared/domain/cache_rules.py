"""Cache rules and their algebra (helper E2 completes this module)."""

import msgspec


class CacheRule(msgspec.Struct, frozen=True, order=True):
    """An ACR cache rule.

    Attributes:
        name: its name within the registry.
        source: the upstream path with its host; a wildcard rule ends in `/*`: `docker.io/library/nginx`, `docker.io/*`.
        target: the path in the registry: `docker-hub/library/nginx`, `docker-hub/*`, `*`.
        credential_set: the name of its credential set, None when it pulls anonymously.
        provisioning_state: `Succeeded`, `Creating`, `Updating`, `Failed`, …
    """

    name: str
    source: str
    target: str
    credential_set: str | None = None
    provisioning_state: str = "Succeeded"
