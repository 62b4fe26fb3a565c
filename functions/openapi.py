"""`GET /api/openapi.json`: the HTTP interface, for people and generators."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.function_name("openapi")
@blueprint.route(route="openapi.json", methods=["GET"])
async def show_interface(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the worker binds it by name
    """The OpenAPI document; it needs neither settings nor policy, and is made when it is first asked for."""
    from functions.api_document import document

    return func.HttpResponse(document(), mimetype="application/json")
