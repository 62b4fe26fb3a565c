"""`/api/console`: pages for people. The entrance wants the function key; behind it the console knows its visitors.

The host checks a key and nothing else, and a browser can't send one with every page. So only the entrance is behind
the key, unless people sign in with App Service authentication, which needs no key at all. The names matter: the host
tries routes in the order of the functions' names, and the second route would take the entrance as well.
"""

import os

import azure.functions as func

from functions.visits import visited

blueprint = func.Blueprint()

_SIGN_IN = os.environ.get("CACHEWARDEN_CONSOLE_SIGN_IN", "").strip().lower() == "entra"
_ENTRANCE = func.AuthLevel.ANONYMOUS if _SIGN_IN else func.AuthLevel.FUNCTION


@blueprint.function_name("console")
@blueprint.route(route="console", methods=["GET"], auth_level=_ENTRANCE)
async def enter_console(req: func.HttpRequest) -> func.HttpResponse:
    """The overview, or the page that `?to=` names; a browser that shows its key here gets a session."""
    return await visited(req, is_keyed=not _SIGN_IN)


@blueprint.function_name("console_pages")
@blueprint.route(route="console/{*path}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def visit_console(req: func.HttpRequest) -> func.HttpResponse:
    """A page of the console, or a form from one; the console turns away whoever it does not know."""
    return await visited(req, is_keyed=False)
