"""`POST /api/alerts`: where Azure Monitor's action group delivers alerts."""

from http import HTTPStatus

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("alerts")
@blueprint.route(route="alerts", methods=["POST"])
async def accept_alert(req: func.HttpRequest) -> func.HttpResponse:
    """202 once the alert lies on the queue; 4xx for what can never be read; 503 when the storage is in trouble."""
    return await answered(lambda app: app.intake.accept(req.get_body()), status=HTTPStatus.ACCEPTED)
