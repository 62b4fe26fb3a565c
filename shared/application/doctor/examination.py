"""The examination: all checks at once, each within its time, none stopped by another's failure.

A refusal means two things. The app that may not do what it is there for is broken; a person who may not look knows
nothing about the app. So a refusal is `failing` for the app, and `unknown` for a person, and for what no cure needs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from shared.application.doctor.findings import DoctorReport, Finding, Judgement, failing, report_of, unknown
from shared.errors import CachewardenError
from shared.telemetry import get_logger

LIMIT_S = 10.0

_REFUSALS = frozenset(
    {
        "authorizationfailed",
        "linkedauthorizationfailed",
        "authorizationpermissionmismatch",
        "insufficientaccesserror",
        "forbidden",
        "secret_access_denied",
        "denied",
        "unauthorized",
    }
)
"""Codes of refusals for want of a right, in lower case: ARM's, Storage's, Log Analytics', Key Vault's, ACR's, ours."""

_log = get_logger(__name__)


class Check(msgspec.Struct, frozen=True):
    """One look at one thing.

    Attributes:
        what: the thing, as findings name it.
        expected: what should be, for when the look itself fails.
        look: looks, changes nothing, and raises `CachewardenError` for trouble.
        grant: the commands that give the app the right to look.
        spare: whether no cure needs that right, so that the app is well without it.
    """

    what: str
    expected: str
    look: Callable[[], Awaitable[Judgement]]
    grant: tuple[str, ...] = ()
    spare: bool = False


class Doctor:
    """Runs checks."""

    def __init__(self, checks: Sequence[Check], *, inside: bool, limit_s: float = LIMIT_S) -> None:
        """Nothing is looked at yet.

        Args:
            checks: what to look at.
            inside: whether this is the running app, with the app's own identity.
            limit_s: seconds that each check may take; they run at the same time.
        """
        self._checks = checks
        self._inside = inside
        self._limit_s = limit_s

    async def examine(self) -> DoctorReport:
        """Look at everything at once; what has not answered within its time counts as failing."""
        judgements = await asyncio.gather(*(self._judge(check) for check in self._checks))
        return report_of(
            [
                Finding(one.verdict, one.seen, one.expected, one.mend, what=check.what)
                for check, one in zip(self._checks, judgements, strict=True)
            ]
        )

    async def _judge(self, check: Check) -> Judgement:
        try:
            async with asyncio.timeout(self._limit_s):
                return await check.look()
        except CachewardenError as error:
            return self._trouble(check, error)
        except TimeoutError:
            return failing(f"no answer within {self._limit_s:g} s", check.expected)
        except Exception as defect:  # noqa: BLE001 - one broken check must not hide the other answers
            _log.exception("doctor.broken", what=check.what)
            return failing(f"internal: {type(defect).__name__}", "a check that ends; this is a defect of ours")

    def _trouble(self, check: Check, error: CachewardenError) -> Judgement:
        seen = str(error) if error.code in str(error) else f"{error.code}: {error}"
        if error.code.lower() not in _REFUSALS:
            return failing(seen, f"{check.expected}. {error.hint}".strip())
        if check.spare or not self._inside:
            return unknown(seen, "somebody who may look")
        return failing(seen, f"{check.expected}. {error.hint}".strip(), *check.grant)
