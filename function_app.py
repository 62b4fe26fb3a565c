"""The Function App: registers the triggers; nothing else.

Importing this module is the cold start, so the triggers import use cases and SDKs when they first run.
"""

import azure.functions as func

from functions import (
    alerts,
    approvals,
    audit,
    console,
    dead_letters,
    forecasts,
    health,
    incidents,
    mirrors,
    notifications,
    openapi,
    registry_events,
    remediations,
    resource_events,
    rotations,
    sweep,
    vault_events,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for triggers in (
    alerts,
    approvals,
    audit,
    console,
    dead_letters,
    forecasts,
    health,
    incidents,
    mirrors,
    notifications,
    openapi,
    registry_events,
    remediations,
    resource_events,
    rotations,
    sweep,
    vault_events,
):
    app.register_functions(triggers.blueprint)
