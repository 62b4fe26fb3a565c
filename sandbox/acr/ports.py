"""What the registry asks of the other services: Resource Manager for rules and roles, Entra ID for who calls."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol

type PushHook = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes an event in the Event Grid schema, as the world's webhook sender does."""


class CredentialsUnavailable(Exception):
    """A rule's credential set is unhealthy: its secrets can't be read, or the upstream refuses them."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Rule(Protocol):
    """A cache rule as the data plane reads it; source and target are both static or both end in `*`."""

    @property
    def name(self) -> str:
        """The rule's name."""

    @property
    def source(self) -> str:
        """The upstream path with its host: `docker.io/library/nginx`, `docker.io/*`."""

    @property
    def target(self) -> str:
        """The path in the registry: `docker-hub/library/nginx`, `docker-hub/*`, `*`."""


class RuleBook(Protocol):
    """The rules that the data plane honours by now; a rule that was just written may not be among them."""

    def rules(self, registry: str) -> Sequence[Rule]:
        """The registry's rules."""

    async def credentials(self, registry: str, rule_name: str) -> tuple[str, str] | None:
        """User name and password of the rule's credential set, None when it has none; raises CredentialsUnavailable."""


class Caller(Protocol):
    """Whom a token of Entra ID speaks for."""

    @property
    def object_id(self) -> str:
        """The id that role assignments name."""


class TokenVerifier(Protocol):
    """Entra ID's verdict on a token; what it raises is `sandbox.identity.tokens.TokenRejected`."""

    def verify(self, token: str, *, audiences: Collection[str]) -> Caller:
        """Who holds the token."""


class AccessControl(Protocol):
    """Azure's role assignments."""

    def allows(self, principal_id: str, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether the principal may do this there."""
