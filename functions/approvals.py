"""`POST /api/incidents/{id}/approve` and `…/reject`: a person's answer to a proposed plan."""

import azure.functions as func

from functions.answers import answered, signed_in

blueprint = func.Blueprint()


@blueprint.function_name("approve")
@blueprint.route(route="incidents/{id}/approve", methods=["POST"])
async def approve(req: func.HttpRequest) -> func.HttpResponse:
    """The incident after a yes; 409 when it asks about another plan."""
    key, who = req.route_params["id"], signed_in(req)
    return await answered(lambda app: app.approvals.approve(key, req.get_body(), signed_in=who))


@blueprint.function_name("reject")
@blueprint.route(route="incidents/{id}/reject", methods=["POST"])
async def reject(req: func.HttpRequest) -> func.HttpResponse:
    """The incident after a no; 409 when it waits for no answer."""
    key, who = req.route_params["id"], signed_in(req)
    return await answered(lambda app: app.approvals.reject(key, req.get_body(), signed_in=who))
