"""Lists in pages; a list of ACR's own API and of the registry API is cut the same way."""

from collections.abc import Sequence

from aiohttp import web

from sandbox.acr.refusals import PageInvalid
from sandbox.oci.wire import page


def page_of(request: web.Request, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The names that `n` and `last` ask for, with a `Link` to the rest; raises PageInvalid."""
    try:
        return page(request, names)
    except ValueError as error:
        raise PageInvalid(detail={"n": request.query.get("n")}) from error
