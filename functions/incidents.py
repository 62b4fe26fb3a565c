"""`GET /api/incidents`, `GET /api/incidents/{id}`, `GET /api/deliveries`: what is known, for people and scripts."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("incidents")
@blueprint.route(route="incidents", methods=["GET"])
async def list_incidents(req: func.HttpRequest) -> func.HttpResponse:
    """The incidents, latest change first; `?limit=` asks for more or fewer than 100."""
    return await answered(lambda app: app.reports.newest(req.params.get("limit")))


@blueprint.function_name("incident")
@blueprint.route(route="incidents/{id}", methods=["GET"])
async def show_incident(req: func.HttpRequest) -> func.HttpResponse:
    """One incident with its timeline, its proofs and what became of its notices."""
    return await answered(lambda app: app.reports.incident(req.route_params["id"]))


@blueprint.function_name("deliveries")
@blueprint.route(route="deliveries", methods=["GET"])
async def count_deliveries(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """Every alert and event that arrived, counted by what became of it."""
    return await answered(lambda app: app.reports.deliveries())
