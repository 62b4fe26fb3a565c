"""`POST /api/explain` and `POST /api/plan`: what the command line says, from the running app."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("explain")
@blueprint.route(route="explain", methods=["POST"])
async def explain_failure(req: func.HttpRequest) -> func.HttpResponse:
    """What a failure text says, and what to do."""
    return await answered(lambda app: app.forecast.explain(req.get_body()))


@blueprint.function_name("plan")
@blueprint.route(route="plan", methods=["POST"])
async def plan_cure(req: func.HttpRequest) -> func.HttpResponse:
    """What would be done about some failures, against the registry as it is now."""
    return await answered(lambda app: app.forecast.plan(req.get_body()))
