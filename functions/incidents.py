"""`GET /api/incidents` and `GET /api/incidents/{id}`: what is known, for people and scripts."""

import azure.functions as func

from functions.answers import answer, problem

blueprint = func.Blueprint()


@blueprint.function_name("incidents")
@blueprint.route(route="incidents", methods=["GET"])
async def list_incidents(req: func.HttpRequest) -> func.HttpResponse:
    """The incidents, latest change first; `?limit=` asks for more or fewer than 100."""
    from shared.bootstrap import production
    from shared.errors import CachewardenError

    try:
        application = await production()
        return answer(200, await application.reports.newest(req.params.get("limit")))
    except CachewardenError as error:
        return problem(error)


@blueprint.function_name("incident")
@blueprint.route(route="incidents/{id}", methods=["GET"])
async def show_incident(req: func.HttpRequest) -> func.HttpResponse:
    """One incident with its timeline, its proofs and what became of its notices."""
    from shared.bootstrap import production
    from shared.errors import CachewardenError

    try:
        application = await production()
        return answer(200, await application.reports.incident(req.route_params["id"]))
    except CachewardenError as error:
        return problem(error)
