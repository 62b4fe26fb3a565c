"""Rotations over HTTP: what a person asks for, and what can be looked up."""

from datetime import datetime

import msgspec

from shared.application.headroom import Headroom, WindowReport
from shared.application.questions import NotFound
from shared.application.remembering import watch_of
from shared.application.rotating import Rotating
from shared.application.rotation_forecast import Forecast
from shared.application.rotation_ports import Rotations
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.policy_credentials import Provider
from shared.domain.rotation import Rotation, RotationState, Trigger
from shared.errors import CallerError

_MOST = 20


class RotationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /api/rotations/{credential}`.

    Attributes:
        dry_run: only say what would be done.
        revoke_first: the token has leaked: delete it before there is another one; pulls fail in between.
    """

    dry_run: bool = False
    revoke_first: bool = False


class RotationRequestInvalid(CallerError):
    """The request for a rotation can't be read, or can't be met."""

    code = "rotation_request_invalid"
    hint = 'The body is empty or {"dry_run": false, "revoke_first": false}.'


class CredentialReport(msgspec.Struct, frozen=True):
    """What is known of a credential: its rotations, the newest first, and the pulls that are left.

    Attributes:
        cannot: the code of what keeps tokens from being minted, empty when nothing is known to.
        checked_at: when that was looked at; None for tokens that a person makes, and before the first look.
    """

    credential: str
    provider: Provider
    rotations: tuple[Rotation, ...]
    headroom: WindowReport | None
    cannot: str = ""
    checked_at: datetime | None = None


class CredentialSummary(msgspec.Struct, frozen=True):
    """One line of the list of credentials: its newest rotation, if it had one, and whether a person is needed."""

    credential: str
    provider: Provider
    rotation: str | None
    state: RotationState | None
    trigger: Trigger | None
    updated_at: datetime | None
    error: str
    cannot: str


class RotationRequests:
    """Answers people who ask for a rotation or look one up."""

    def __init__(self, *, rotating: Rotating, rotations: Rotations, headroom: Headroom) -> None:
        self._rotating = rotating
        self._rotations = rotations
        self._headroom = headroom

    async def ask(self, name: str, body: bytes) -> Rotation | Forecast:
        """Begin a rotation, or say what one would do.

        Raises:
            RotationRequestInvalid: the body is not what is expected.
            UnknownCredential: the policy has no such credential.
        """
        try:
            request = read_json(body or b"{}", RotationRequest)
        except JsonUnreadable as error:
            raise RotationRequestInvalid(f"the body can't be read: {error}") from error
        credential = self._rotating.credential(name)
        if request.revoke_first and credential.provider is Provider.ASSISTED:
            raise RotationRequestInvalid(
                "a token that a person made can't be revoked from here",
                hint="Delete it on Docker Hub's web site, then write a new one into the -next secret.",
            )
        if request.dry_run:
            return await self._rotating.plan(name)
        trigger = Trigger.LEAK if request.revoke_first else Trigger.PERSON
        return await self._rotating.start(name, trigger, revoke_first=request.revoke_first)

    async def rotation(self, key: str) -> Rotation:
        """One rotation by its id, `hub-3`.

        Raises:
            UnknownCredential: the policy has no such credential.
            NotFound: the credential has no such rotation.
        """
        name = key.rpartition("-")[0]
        self._rotating.credential(name)
        async for rotation in self._rotations.history(name):
            if rotation.id == key:
                return rotation
        raise NotFound("there is no rotation of that id", hint=f"GET /api/rotations/{name} lists them.")

    async def overview(self) -> tuple[CredentialSummary, ...]:
        """Every credential of the policy with its newest rotation."""
        return tuple([await self._summary(name) for name in self._rotating.credentials])

    async def _summary(self, name: str) -> CredentialSummary:
        newest, watch = await self._rotating.latest(name), await watch_of(self._rotations, name)
        return CredentialSummary(
            credential=name,
            provider=self._rotating.credential(name).provider,
            rotation=newest.id if newest else None,
            state=newest.state if newest else None,
            trigger=newest.trigger if newest else None,
            updated_at=newest.updated_at if newest else None,
            error=newest.error if newest else "",
            cannot=watch.cannot or watch.why,
        )

    async def show(self, name: str) -> CredentialReport:
        """A credential's rotations and headroom; raises `UnknownCredential`."""
        credential, found = self._rotating.credential(name), []
        async for rotation in self._rotations.history(name):
            found.append(rotation)
            if len(found) == _MOST:
                break
        watch, headroom = await watch_of(self._rotations, name), await self._headroom.report(name)
        cannot = watch.cannot or watch.why
        return CredentialReport(name, credential.provider, tuple(found), headroom, cannot, watch.checked_at)
