"""Issues and verifies the bearer tokens of the sandbox's one tenant.

The trap it avoids: an emulator that takes any token hides a client that asks for the wrong scope. Every service
verifies signature, time and audience here, and then answers in its own words.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

import jwt
import msgspec

from sandbox.frame.service import Clock, system_clock

TENANT_ID: Final = "22222222-2222-2222-2222-222222222222"
"""The sandbox's tenant."""

ARM_AUDIENCES: Final = frozenset(
    {
        "https://management.core.windows.net/",
        "https://management.core.windows.net",
        "https://management.azure.com/",
        "https://management.azure.com",
    }
)
VAULT_AUDIENCES: Final = frozenset({"https://vault.azure.net"})
"""Key Vault refuses the audience with a slash at the end (observed: Azure/go-autorest#525)."""
LOGS_AUDIENCES: Final = frozenset({"https://api.loganalytics.io", "https://api.loganalytics.io/"})
EVENT_GRID_AUDIENCES: Final = frozenset({"https://eventgrid.azure.net", "https://eventgrid.azure.net/"})
MONITOR_AUDIENCES: Final = frozenset(
    {"https://monitor.azure.com", "https://monitor.azure.com/", "https://monitor.azure.com//"}
)
"""Exporters ask for `https://monitor.azure.com//.default`, whose audience has both slashes (observed)."""
ACR_AUDIENCES: Final = (
    frozenset({"https://containerregistry.azure.net", "https://containerregistry.azure.net/"}) | ARM_AUDIENCES
)

_ALGORITHM: Final = "HS256"


class Rejection(StrEnum):
    """Why a token was rejected."""

    MISSING = "missing"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE = "audience"


class TokenRejected(Exception):
    """The token doesn't prove who calls; `reason` says why, `audience` is what the token was made for."""

    def __init__(self, reason: Rejection, *, audience: str = "") -> None:
        self.reason = reason
        self.audience = audience
        super().__init__(f"the token was rejected: {reason}")


class Principal(msgspec.Struct, frozen=True):
    """Who a verified token speaks for: its object id (the one RBAC knows), tenant and client id."""

    object_id: str
    tenant_id: str
    client_id: str


class TokenAuthority:
    """The tenant's token service: signs with a key of its own, so a token of another sandbox is refused."""

    def __init__(self, *, tenant_id: str = TENANT_ID, clock: Clock = system_clock, key: bytes | None = None) -> None:
        self.tenant_id = tenant_id
        self._clock = clock
        self._key = key if key is not None else secrets.token_bytes(32)

    @property
    def issuer(self) -> str:
        """The `iss` claim of every token."""
        return f"https://sts.windows.net/{self.tenant_id}/"

    def now(self) -> datetime:
        """The time by which tokens are judged."""
        return self._clock()

    def issue(
        self, *, audience: str, principal_id: str, client_id: str, lifetime_s: int = 86400, resource_id: str = ""
    ) -> str:
        """A signed token for `audience` (kept as asked for, as Entra ID does), valid from now on for `lifetime_s`.

        `resource_id` is the ARM id of the managed identity, which azure-cli reads from `xms_mirid`.
        """
        now = int(self.now().timestamp())
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_s,
            "appid": client_id,
            "idtyp": "app",
            "oid": principal_id,
            "sub": principal_id,
            "tid": self.tenant_id,
            "uti": uuid4().hex,
            "ver": "1.0",
            "xms_mirid": resource_id,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def verify(self, token: str, *, audiences: Collection[str]) -> Principal:
        """The principal of a token that was made for one of `audiences`, compared exactly.

        Raises:
            TokenRejected: when the token is absent, not ours, out of time, or made for something else.
        """
        if not token:
            raise TokenRejected(Rejection.MISSING)
        claims = self._claims(token)
        now = self.now().timestamp()
        if now >= claims["exp"]:
            raise TokenRejected(Rejection.EXPIRED, audience=claims["aud"])
        if now + 1 < claims["nbf"]:
            raise TokenRejected(Rejection.NOT_YET_VALID, audience=claims["aud"])
        if claims["aud"] not in audiences:
            raise TokenRejected(Rejection.AUDIENCE, audience=claims["aud"])
        return Principal(object_id=claims["oid"], tenant_id=claims["tid"], client_id=claims["appid"])

    def verify_header(self, authorization: str | None, *, audiences: Collection[str]) -> Principal:
        """The same for an `Authorization` header; None and other schemes than Bearer count as missing."""
        scheme, _, token = (authorization or "").partition(" ")
        return self.verify(token.strip() if scheme.lower() == "bearer" else "", audiences=audiences)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=self.issuer,
                options={  # time and audience are checked above, against the sandbox's own clock
                    "require": ["aud", "exp", "nbf", "oid", "tid", "appid"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except jwt.InvalidSignatureError as error:
            raise TokenRejected(Rejection.SIGNATURE) from error
        except jwt.InvalidTokenError as error:
            raise TokenRejected(Rejection.MALFORMED) from error
