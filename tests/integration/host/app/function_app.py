"""The app that the tests of the embedded host run: one function for each behaviour, and a journal of what ran."""

import azure.functions as func
from events import events
from queues import queues
from timers import timers
from web import web

app = func.FunctionApp()
for blueprint in (events, queues, timers, web):
    app.register_functions(blueprint)
