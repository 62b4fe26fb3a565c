"""Who calls: the bearer token or the password of a request, held against the scope that the operation needs."""

from aiohttp import web

from sandbox.acr.models import Acr
from sandbox.acr.refusals import Unauthorized
from sandbox.oci.access import Grant
from sandbox.oci.remote import Credentials
from sandbox.oci.wire import basic_credentials, bearer_token, challenge


class Callers:
    """Lets requests through that carry enough, and challenges the others as ACR does."""

    def __init__(self, acr: Acr) -> None:
        self._acr = acr

    def require(self, request: web.Request, wanted: Grant | None) -> None:
        """Return when the caller may do what is wanted (None: be anybody who is signed in).

        Raises:
            Unauthorized: no token, a bad one, or one without the scope; the challenge names the scope.
            Denied: the caller sent a password and may not do this.
        """
        gate, basic = self._acr.gate, _basic(request)
        if basic is not None:
            subject = gate.by_login(basic)
            if wanted is not None:
                gate.require(subject, wanted)
            return
        text = bearer_token(request)
        token = gate.read(text)
        if token is None or (wanted is not None and not token.allows(wanted)):
            problem = "invalid_token" if token is None else "insufficient_scope"
            raise self._challenge(wanted, problem if text else "")

    def _challenge(self, wanted: Grant | None, problem: str) -> Unauthorized:
        detail = None
        if wanted is not None:
            actions = ",".join(sorted(wanted.actions))
            detail = [{"Type": wanted.type, "Name": wanted.name, "Action": actions}]
        return Unauthorized(
            detail=detail,
            headers=challenge(
                realm=f"{self._acr.base_url}/oauth2/token",
                service=self._acr.host,
                scope=str(wanted) if wanted is not None else "",
                error=problem,
            ),
        )


def _basic(request: web.Request) -> Credentials | None:
    try:
        return basic_credentials(request)
    except ValueError as error:
        raise Unauthorized from error
