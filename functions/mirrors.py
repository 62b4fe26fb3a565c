"""`GET /api/mirrors`: what a platform team applies so that workloads pull through the cache as they are."""

import azure.functions as func

from functions.answers import answered

blueprint = func.Blueprint()


@blueprint.function_name("mirrors")
@blueprint.route(route="mirrors", methods=["GET"])
async def show_mirrors(req: func.HttpRequest) -> func.HttpResponse:
    """`?format=containerd|kyverno|kustomize|json` of a registry's rules; `?registry=` where the policy has several."""
    return await answered(lambda app: app.mirrors.show(req.params))
