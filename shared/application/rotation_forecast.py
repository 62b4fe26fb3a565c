"""What a rotation would do, in sentences, for who wants to know before it is done."""

import msgspec

from shared.domain.policy_credentials import Credential, Provider


class Forecast(msgspec.Struct, frozen=True):
    """What a rotation would do, without doing anything.

    Attributes:
        steps: in order, a sentence each.
        fallback: the code of what keeps a token from being minted, so that a person has to make it; empty otherwise.
        running: the rotation that is under way already, if one is.
    """

    credential: str
    provider: Provider
    steps: tuple[str, ...]
    fallback: str = ""
    running: str | None = None


def steps_of(credential: Credential, *, minted: bool) -> tuple[str, ...]:
    """The steps in order, a sentence each."""
    hours = credential.grace.total_seconds() / 3600
    if minted:
        kind = "organization" if credential.provider is Provider.ORGANIZATION else "personal"
        first = f"create: log in as the owner and make a {kind} access token that may pull public images"
        last = f"retire: {hours:g} h later, switch off and delete the old token if it is ours"
    else:
        first = f"wait: a person writes a new token into the secret {credential.token_secret}-next"
        last = f"retire: {hours:g} h later, disable the old version of the secret; a person deletes the old token"
    return (
        first,
        "test: ask Docker Hub's registry about it, which costs no pull",
        f"publish: write it as a new version of the secret {credential.token_secret}",
        "adopt: have every credential set validate it, and pull an image through the cache",
        last,
    )
