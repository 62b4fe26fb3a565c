"""The proposal: the values of a policy, each with a remark about where it comes from."""

import msgspec


class Remarked(msgspec.Struct, frozen=True):
    """A value of the file, and a remark that stands behind it."""

    value: str
    remark: str = ""


class ProposedRegistry(msgspec.Struct, frozen=True):
    """A registry; without `serves` it serves everything."""

    id: str
    remark: str
    serves: tuple[Remarked, ...] = ()


class ProposedUpstream(msgspec.Struct, frozen=True):
    """What may be cached from a host.

    Attributes:
        left_out: how many repositories were seen beyond those that `allow` lists.
        credential: the name of a proposed credential, None without one.
    """

    host: str
    target: Remarked
    allow: tuple[Remarked, ...] = ()
    left_out: int = 0
    credential: Remarked | None = None
    remarks: tuple[str, ...] = ()


class ProposedCredential(msgspec.Struct, frozen=True):
    """Where a credential set's secrets are."""

    name: str
    remark: str
    vault: str
    username_secret: str
    token_secret: str


class Proposal(msgspec.Struct, frozen=True):
    """A policy in mode `observe`, and what it leaves to a person."""

    registries: tuple[ProposedRegistry, ...]
    upstreams: tuple[ProposedUpstream, ...]
    credentials: tuple[ProposedCredential, ...] = ()
    workspaces: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
