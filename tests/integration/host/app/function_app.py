"""The app that the tests of the embedded host run: one function for each behaviour, and a journal of what ran."""

import azure.functions as func

from tests.integration.host.app.events import events
from tests.integration.host.app.queues import queues
from tests.integration.host.app.timers import timers
from tests.integration.host.app.web import web

app = func.FunctionApp()
for blueprint in (events, queues, timers, web):
    app.register_functions(blueprint)
