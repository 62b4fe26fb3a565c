"""`GET /api/incidents`, `GET /api/incidents/{id}`, `GET /api/deliveries`: what is known, for people and scripts."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("incidents")
@blueprint.route(route="incidents", methods=["GET"])
async def list_incidents(req: func.HttpRequest) -> func.HttpResponse:
    """The incidents, latest change first, by `?limit=`, `?state=`, `?source=` and, for the next page, `?before=`."""
    from shared.application.reports import Question

    asked = {name: req.params.get(name) for name in Question.__struct_fields__}
    return await answered(lambda app: app.reports.newest(Question(**asked)))


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
