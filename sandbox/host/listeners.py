"""All queue and timer listeners of the app, started and stopped together."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sandbox.frame.service import Clock
from sandbox.host.catalog import Catalog
from sandbox.host.connections import QueueClients
from sandbox.host.functions import Function, TriggerKind
from sandbox.host.host_json import QueueOptions
from sandbox.host.invoker import Invoker
from sandbox.host.outputs import Outputs, Wakeups
from sandbox.host.queue_listener import QueueListener
from sandbox.host.queue_messages import MessageCodec
from sandbox.host.queue_processor import QueueProcessor, poison_queue_name
from sandbox.host.schedules import parse_schedule
from sandbox.host.settings import AppSettings
from sandbox.host.timer_listener import TimerListener
from sandbox.host.timer_state import TimerState


class Listeners:
    """The listeners of every function that is neither disabled nor in error.

    Attributes:
        timers: the timer listeners by their function's lower-case name, those of disabled functions included, because
            the admin API may call a disabled function.
    """

    def __init__(self, settings: AppSettings, clients: QueueClients, outputs: Outputs, invoker: Invoker) -> None:
        self.timers: dict[str, TimerListener] = {}
        self._settings = settings
        self._clients = clients
        self._outputs = outputs
        self._invoker = invoker
        self._queues: list[QueueListener] = []
        self._disabled: set[str] = set()

    def add_queues(self, catalog: Catalog, options: QueueOptions, wakeups: Wakeups, invisibility: timedelta) -> None:
        """Make a listener for every queue function."""
        for function in catalog.runnable(TriggerKind.QUEUE):
            if not function.is_disabled:
                processor = self._processor(function, options, invisibility)
                self._queues.append(QueueListener(processor, wakeups.register(processor.queue.queue_name)))

    def add_timers(self, catalog: Catalog, folder: Path, clock: Clock) -> None:
        """Make a listener for every timer function; their states are in the folder."""
        for function in catalog.runnable(TriggerKind.TIMER):
            schedule = parse_schedule(self._settings.resolve(function.trigger.schedule))
            state = TimerState(folder, function.name)
            self.timers[function.name.lower()] = TimerListener(function, schedule, state, self._invoker, clock)
            if function.is_disabled:
                self._disabled.add(function.name.lower())

    def start(self) -> None:
        """Start them all."""
        for queue in self._queues:
            queue.start()
        for name, timer in self.timers.items():
            if name not in self._disabled:
                timer.start()

    async def stop(self) -> None:
        """Take on nothing more, and return when what was taken on is done."""
        await asyncio.gather(
            *(queue.stop() for queue in self._queues), *(timer.stop() for timer in self.timers.values())
        )
        await asyncio.gather(*(queue.finish() for queue in self._queues))

    def _processor(self, function: Function, options: QueueOptions, invisibility: timedelta) -> QueueProcessor:
        connection = function.trigger.connection
        queue = self._settings.resolve(function.trigger.queue_name)
        poison = poison_queue_name(queue)
        return QueueProcessor(
            function=function,
            queue=self._clients.get(connection, queue),
            poison=None if poison is None else self._clients.get(connection, poison),
            invoker=self._invoker,
            outputs=self._outputs,
            codec=MessageCodec(options.base64),
            options=options,
            invisibility=invisibility,
        )
