"""Organization access tokens: a plan has a number of slots, and an expired token keeps its slot until it is deleted."""

import secrets
from datetime import datetime
from typing import Annotated, Final
from uuid import uuid4

import msgspec

from sandbox.frame.service import Clock
from sandbox.hub.accounts import Organization, OrganizationToken, Resource
from sandbox.hub.personal_tokens import checked_end
from sandbox.hub.refusals import InvalidFields, NoSlotLeft, NotFound

_TYPES: Final = frozenset({"TYPE_REPO", "TYPE_ORG"})

type Resources = Annotated[list[Resource], msgspec.Meta(max_length=50)]
type Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewOrganizationToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of the request that makes a token."""

    label: Label
    description: str = ""
    resources: Resources = []
    expires_at: datetime | None = None


class OrganizationTokenChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of the request that changes one."""

    label: Label | None = None
    description: str | None = None
    resources: Resources | None = None
    is_active: bool | None = None


class OrganizationTokens:
    """The access tokens of all organizations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, OrganizationToken] = {}

    def of(self, organization: Organization) -> list[OrganizationToken]:
        """The organization's tokens, the newest first."""
        return [token for token in reversed(self._tokens.values()) if token.organization == organization.name]

    def find(self, text: str) -> OrganizationToken | None:
        """The token of this text."""
        return next((token for token in self._tokens.values() if token.text == text), None)

    def get(self, organization: Organization, identifier: str) -> OrganizationToken:
        """The organization's token; raises NotFound."""
        token = self._tokens.get(identifier)
        if token is None or token.organization != organization.name:
            raise NotFound
        return token

    def create(self, organization: Organization, new: NewOrganizationToken, *, by: str) -> OrganizationToken:
        """Make a token; raises NoSlotLeft and InvalidFields."""
        _check(new.resources)
        if len(self.of(organization)) >= organization.slots:
            raise NoSlotLeft
        token = OrganizationToken(
            id=str(uuid4()),
            organization=organization.name,
            text="dckr_oat_" + secrets.token_urlsafe(20),
            label=new.label,
            description=new.description,
            resources=tuple(new.resources),
            created_by=by,
            created_at=self._clock(),
            expires_at=checked_end(new.expires_at, self._clock()),
        )
        self._tokens[token.id] = token
        return token

    def change(self, organization: Organization, identifier: str, change: OrganizationTokenChange) -> OrganizationToken:
        """Change what the body names; raises NotFound and InvalidFields."""
        token = self.get(organization, identifier)
        named = {
            "label": change.label,
            "description": change.description,
            "is_active": change.is_active,
            "resources": tuple(change.resources) if change.resources is not None else None,
        }
        _check(change.resources or [])
        changed = msgspec.structs.replace(token, **{key: value for key, value in named.items() if value is not None})
        self._tokens[identifier] = changed
        return changed

    def delete(self, organization: Organization, identifier: str) -> None:
        """Delete a token and free its slot; raises NotFound."""
        del self._tokens[self.get(organization, identifier).id]

    def note_use(self, token: OrganizationToken) -> None:
        """Remember that somebody logged in with it."""
        self._tokens[token.id] = msgspec.structs.replace(token, last_used_at=self._clock())


def _check(resources: list[Resource]) -> None:
    for resource in resources:
        if resource.type not in _TYPES:
            raise InvalidFields(resources=f"expected the type {' or '.join(sorted(_TYPES))}")
        if not resource.scopes or not all(scope.startswith("scope-") for scope in resource.scopes):
            raise InvalidFields(resources="expected scopes such as scope-image-pull")
