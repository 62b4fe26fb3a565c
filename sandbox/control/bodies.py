"""What the control API takes; an unknown field is refused, because a misspelt one would do nothing, silently."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from sandbox.hub.accounts import Plan
from sandbox.hub.windows import Limit
from sandbox.sink.models import Kind

type Name = Annotated[str, msgspec.Meta(min_length=1)]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of every body."""


class NewRule(Body, frozen=True):
    """A cache rule as somebody else makes it; `credential_set` is the name of one in the registry."""

    name: Name
    source: Name
    target: Name
    credential_set: str | None = None


class NewCredentialSet(Body, frozen=True):
    """A credential set as somebody else makes it; with `grant` its principal may read the vault's secrets."""

    name: Name
    username_secret: Name
    token_secret: Name
    login_server: str = "docker.io"
    grant: bool = True


class NewSecret(Body, frozen=True):
    """A new version of a secret in the vault."""

    name: Name
    value: str
    tags: dict[str, str] | None = None
    expires_on: datetime | None = None


class NewAccount(Body, frozen=True):
    """A Docker Hub account; one of the same name is replaced."""

    username: Name
    password: Name
    plan: Plan = Plan.PERSONAL
    two_factor: bool = False
    sso_enforced: bool = False


class NewToken(Body, frozen=True):
    """A personal access token of a Docker Hub account."""

    username: Name
    label: Name = "made by hand"
    scopes: tuple[str, ...] = ("repo:public_read",)
    expires_at: datetime | None = None


class NewImage(Body, frozen=True):
    """An image on Docker Hub; with more than one architecture it is an index."""

    repository: Name
    tag: Name = "latest"
    architectures: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("amd64",)
    labels: dict[str, str] = {}
    private: bool = False


class Source(Body, frozen=True):
    """Whose pulls are meant: an address (127.0.0.2 is the cluster's, 127.0.0.1 all others') or an account's name."""

    source: Name


class Limits(Body, frozen=True):
    """Docker Hub's pull limits; None is no limit, a field that is left out stays as it is."""

    anonymous: Limit | msgspec.UnsetType | None = msgspec.UNSET
    personal: Limit | msgspec.UnsetType | None = msgspec.UNSET


class NewReceiver(Body, frozen=True):
    """An address that receives notifications."""

    kind: Kind
    name: Name


class Advance(Body, frozen=True):
    """By how much the world's clock moves forward."""

    seconds: Annotated[float, msgspec.Meta(ge=0)]


class Evaluation(Body, frozen=True):
    """Which alert rule to evaluate; None is all."""

    rule: str | None = None


class Host(Body, frozen=True):
    """Where the function host is, and the keys that Azure's senders use."""

    url: Name
    function_key: Name
    eventgrid_key: Name


class NewPod(Body, frozen=True):
    """A pod that the cluster starts; a pull that fails is in the logs."""

    image: Name
    namespace: Name = "default"
    name: str = ""


class Event(Body, frozen=True):
    """An event of a system topic, to be delivered to the subscriptions that take it."""

    event_type: Name
    topic: Name
    subject: str
    data: dict[str, Any]


class ArmChange(Body, frozen=True):
    """How Resource Manager behaves; a field that is left out stays as it is."""

    rule_delay_s: float | None = None
    operation_polls: int | None = None
    operation_delay_s: float | None = None
    retry_after_s: int | None = None
    copy_delay_s: float | None = None
