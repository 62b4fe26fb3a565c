"""`GET /api/audit`: every change that was made outside, as JSON lines."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("audit")
@blueprint.route(route="audit", methods=["GET"])
async def export_audit(req: func.HttpRequest) -> func.HttpResponse:
    """The entries from `?from=` to `?to=`, days in UTC; the last seven days when both are left out."""
    return await answered(lambda app: app.audit.entries(req.params.get("from"), req.params.get("to")), lines=True)
