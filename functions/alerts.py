"""`POST /api/alerts`: where Azure Monitor's action group delivers alerts."""

import azure.functions as func

from functions.answers import answer, problem

blueprint = func.Blueprint()


@blueprint.function_name("alerts")
@blueprint.route(route="alerts", methods=["POST"])
async def accept_alert(req: func.HttpRequest) -> func.HttpResponse:
    """202 once the alert lies on the queue; 4xx for what can never be read; 503 when the storage is in trouble."""
    from shared.bootstrap import production
    from shared.errors import CachewardenError

    try:
        application = await production()
        acceptance = await application.intake.accept(req.get_body())
    except CachewardenError as error:
        return problem(error)
    return answer(202, acceptance)
