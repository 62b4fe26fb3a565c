"""`GET /api/health`: whether the app can work, for probes and for the person who just deployed it."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """200 when settings and policy are valid and the storage answers; 503 else."""
    return await answered(lambda app: app.reports.health())
