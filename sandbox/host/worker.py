"""Drives the worker library `azure-functions-runtime` in this process: start, index, invoke.

Traps: the worker imports `function_app` by name, so the app's folder must come first on `sys.path`; indexing errors
come back as a result instead of being raised; module globals hold the app, so a process can run one app only.
Source of the calls: the library's `handle_event.py` (version 1.3.0) and
https://azure.github.io/azure-functions-python-worker/architecture/python-313-314.html.
"""

import asyncio
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sandbox.host import messages
from sandbox.host.calls import Call, InvocationFailed, RetryContext
from sandbox.host.errors import WorkerError
from sandbox.host.functions import Function, read_function
from sandbox.host.messages import (
    FunctionLoadResponse,
    FunctionMetadataResponse,
    InvocationResponse,
    ParameterBinding,
    RpcException,
    StatusResult,
    WorkerInitResponse,
)
from sandbox.host.settings import AppSettings

_PROPERTIES = {"protos": messages, "host": "127.0.0.1"}


class Worker:
    """One app, indexed by the real worker library.

    Attributes:
        functions: the app's functions by name, which is also the order in which the real host tries their routes.
    """

    def __init__(self, app: Path, settings: AppSettings) -> None:
        self.functions: tuple[Function, ...] = ()
        self._app = app
        self._settings = settings
        self._runtime: Any = None

    async def start(self) -> None:
        """Import and index the app; raises `WorkerError` with the worker's own message when it rejects the app."""
        self._prepare_process()
        import azure_functions_runtime

        self._runtime = azure_functions_runtime
        self._runtime.start_threadpool_executor()
        request = SimpleNamespace(capabilities={}, function_app_directory=str(self._app))
        started: WorkerInitResponse = await self._runtime.worker_init_request(_request(worker_init_request=request))
        _require_success(started.result)
        indexed: FunctionMetadataResponse = await self._runtime.functions_metadata_request(_request())
        if indexed.function_metadata_results is None:
            raise WorkerError(f"There is no function_app.py in {self._app}.")
        functions = [
            read_function(metadata, is_disabled=self._settings.is_disabled(metadata.name))
            for metadata in indexed.function_metadata_results
        ]
        for function in functions:
            load = SimpleNamespace(function_id=function.id)
            loaded: FunctionLoadResponse = await self._runtime.function_load_request(
                _request(function_load_request=load)
            )
            _require_success(loaded.result)
        self.functions = tuple(sorted(functions, key=lambda function: function.name.lower()))

    async def invoke(self, call: Call, invocation_id: str, retry: RetryContext) -> InvocationResponse:
        """Run the function once; raises `InvocationFailed` when it fails."""
        request = SimpleNamespace(
            invocation_id=invocation_id,
            function_id=call.function.id,
            input_data=[ParameterBinding(call.function.trigger.name, call.data)],
            trigger_metadata=dict(call.metadata),
            trace_context=SimpleNamespace(trace_parent=call.trace_parent, trace_state=call.trace_state, attributes={}),
            retry_context=retry,
        )
        # A task of its own, as in Azure: the worker leaves the invocation's trace attached to it (observed, 1.3.0).
        response: InvocationResponse = await asyncio.create_task(
            self._runtime.invocation_request(_request(invocation_request=request))
        )
        if response.result.status != StatusResult.Success:
            raise InvocationFailed(response.result.exception or RpcException("The worker gave no reason."))
        return response

    def stop(self) -> None:
        """Wait for sync functions that still run, and end the thread pool."""
        if self._runtime is not None:
            self._runtime.stop_threadpool_executor()

    def _prepare_process(self) -> None:
        packages = self._app / ".python_packages/lib/site-packages"  # where a deployment package brings its own
        sys.path[:0] = [str(self._app), *([str(packages)] if packages.is_dir() else [])]
        os.chdir(self._app)


def _request(**fields: object) -> SimpleNamespace:
    return SimpleNamespace(properties=_PROPERTIES, request=SimpleNamespace(**fields))


def _require_success(result: StatusResult) -> None:
    if result.status != StatusResult.Success:
        exception = result.exception or RpcException("The worker gave no reason.")
        raise WorkerError(f"The worker rejected the app: {exception.message}\n{exception.stack_trace}".rstrip())
