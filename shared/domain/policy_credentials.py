"""The policy's credentials: where a user name and token are kept, and how they are renewed."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shared.domain.policy_fields import (
    Duration,
    SecretName,
    Section,
    VaultId,
    VaultUrl,
)
from shared.domain.registries import CredentialSet


class Provider(StrEnum):
    """Who mints the tokens of a credential."""

    PERSONAL = "personal"
    ORGANIZATION = "organization"
    ASSISTED = "assisted"


class Plan(StrEnum):
    """What a Docker Hub organization subscribes to; only these have organization access tokens (documented)."""

    TEAM = "team"
    BUSINESS = "business"


class Credential(Section, frozen=True):
    """Where the user name and token for an upstream are kept, and how they are renewed."""

    provider: Annotated[
        Provider,
        Meta(
            description="personal: the account's password mints personal access tokens. organization: an owner's "
            "password mints organization access tokens. assisted: a person pastes a new token."
        ),
    ]
    vault: Annotated[VaultUrl, Meta(description="The Key Vault's address.")]
    username_secret: Annotated[SecretName, Meta(description="The secret that holds the user name.")]
    token_secret: Annotated[SecretName, Meta(description="The secret that holds the token.")]
    vault_id: Annotated[
        VaultId | None,
        Meta(description="The vault's ARM id. Left out: it is looked up in the registry's subscription."),
    ] = None
    owner_secret: Annotated[
        SecretName | None,
        Meta(description="personal and organization: the secret that holds the password that may mint tokens."),
    ] = None
    owner_username_secret: Annotated[
        SecretName | None,
        Meta(description="organization: the secret with the owner's login name; the user name is the organization's."),
    ] = None
    organization: Annotated[
        str | None,
        Meta(description="organization: the name of the Docker Hub organization. Left out: it is the user name."),
    ] = None
    plan: Annotated[
        Plan | None,
        Meta(
            description="organization: its plan, which has room for 10 (team) or 100 (business) access tokens. Left "
            "out: a full organization is noticed when Docker Hub refuses a token."
        ),
    ] = None
    rotate_every: Annotated[Duration, Meta(description="How old a token gets before it is replaced.")] = timedelta(
        days=30
    )
    grace: Annotated[Duration, Meta(description="How long the old token stays valid after the new one is adopted.")] = (
        timedelta(days=1)
    )

    @property
    def secrets(self) -> tuple[str, str]:
        """The names of the secrets that a credential set reads: user name, token."""
        return self.username_secret, self.token_secret

    @property
    def secret_ids(self) -> tuple[str, str]:
        """The versionless Key Vault ids of `secrets`."""
        vault = self.vault.rstrip("/")
        return f"{vault}/secrets/{self.username_secret}", f"{vault}/secrets/{self.token_secret}"

    def is_behind(self, credential_set: CredentialSet) -> bool:
        """Whether a credential set reads exactly these secrets, whatever their version."""
        theirs = (credential_set.username_secret, credential_set.token_secret)
        return tuple(secret_id.rstrip("/").lower() for secret_id in theirs) == tuple(
            secret_id.lower() for secret_id in self.secret_ids
        )
