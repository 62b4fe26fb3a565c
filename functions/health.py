"""`GET /api/health` for probes, `GET /api/health/deep` for the person who wants to know why nothing happens."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """200 when settings and policy are valid and the storage answers; 503 else."""
    return await answered(lambda app: app.reports.health())


@blueprint.function_name("checkup")
@blueprint.route(route="health/deep", methods=["GET"])
async def checkup(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """Every system that a cure needs, with what is wrong with it; 200 whatever is found."""
    return await answered(lambda app: app.doctor.examine())
