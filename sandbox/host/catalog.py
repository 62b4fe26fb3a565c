"""Which functions of the app can run, found out once at start: settings resolved, routes read, schedules understood.

As in Azure, a function whose binding is wrong is "in error": it is reported, and the others run.
"""

import logging
from collections.abc import Iterable

import msgspec

from sandbox.host.connections import QueueClients
from sandbox.host.errors import BindingError
from sandbox.host.functions import Function, TriggerKind
from sandbox.host.host_json import HostJson
from sandbox.host.outputs import Outputs
from sandbox.host.routes import parse_route
from sandbox.host.schedules import parse_schedule
from sandbox.host.settings import AppSettings

_logger = logging.getLogger("Host.Startup")


class Catalog(msgspec.Struct, frozen=True):
    """The app's functions, those in error included."""

    functions: tuple[Function, ...]

    def runnable(self, kind: TriggerKind) -> list[Function]:
        """The functions with that trigger that are not in error; disabled ones are among them."""
        return [function for function in self.functions if not function.error and function.kind is kind]

    def find(self, name: str) -> Function | None:
        """The function of that name, in whatever case, or None."""
        return next((function for function in self.functions if function.name.lower() == name.lower()), None)


def build_catalog(
    functions: Iterable[Function], host_json: HostJson, settings: AppSettings, clients: QueueClients, outputs: Outputs
) -> Catalog:
    """Check every function that `host.json` does not leave out, and log each one that is in error."""
    wanted = host_json.functions
    checked = [
        _checked(function, host_json, settings, clients, outputs)
        for function in functions
        if wanted is None or function.name.lower() in wanted
    ]
    for function in checked:
        if function.error:
            _logger.error("The '%s' function is in error: %s", function.name, function.error)
        elif function.is_disabled:
            _logger.info("Function '%s' is disabled.", function.name)
    return Catalog(tuple(checked))


def _checked(
    function: Function, host_json: HostJson, settings: AppSettings, clients: QueueClients, outputs: Outputs
) -> Function:
    if function.error:
        return function
    trigger = function.trigger
    try:
        outputs.check(function)
        match function.kind:
            case TriggerKind.HTTP:
                parse_route(function, host_json.http.route_prefix)
            case TriggerKind.QUEUE:
                clients.get(trigger.connection, settings.resolve(trigger.queue_name))
            case TriggerKind.TIMER:
                parse_schedule(settings.resolve(trigger.schedule))
    except BindingError as error:
        return msgspec.structs.replace(function, error=str(error))
    return function
