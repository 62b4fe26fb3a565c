"""What the worker accepts and rejects: the reason to test with the real worker library and not by calling functions."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.host.running import RunningHost

HEAD = "import typing, azure.functions as func\napp = func.FunctionApp()\n"
QUEUE = '@app.queue_trigger(arg_name="m", queue_name="q", connection="C")\n'
OUT = '@app.queue_output(arg_name="o", queue_name="q", connection="C")\n'

REJECTED = {
    "Out of a built-in list": (
        HEAD + QUEUE + OUT + "def f(m: func.QueueMessage, o: func.Out[list[str]]) -> None: ...\n",
        "has invalid non-type annotation",
    ),
    "optional return": (
        HEAD + '@app.route(route="r")\ndef f(req: func.HttpRequest) -> str | None: ...\n',
        "has invalid non-type return annotation",
    ),
    "list of events": (
        HEAD + '@app.event_grid_trigger(arg_name="e")\ndef f(e: typing.List[func.EventGridEvent]) -> None: ...\n',
        """in the binding decorator do not match the corresponding function parameter's Python type annotation List""",
    ),
    "one name twice": (
        HEAD + 2 * (QUEUE + "def f(m: func.QueueMessage) -> None: ...\n"),
        "does not have a unique function name",
    ),
    "parameter without a binding": (
        HEAD + QUEUE + "def f(m: func.QueueMessage, more: str) -> None: ...\n",
        "the following parameters are declared in Python but not in the function definition",
    ),
    "two apps": (HEAD + "other = func.FunctionApp()\n", "More than one FunctionApp or other top level function app"),
    "error at import": (HEAD + 'raise RuntimeError("at import")\n', "RuntimeError: at import"),
    "missing module": ("import no_such_module\n", "No module named 'no_such_module'"),
    "no app": ("import azure.functions\n", "Could not find top level function app instances in function_app.py"),
}
ACCEPTED = {
    "future annotations": "from __future__ import annotations\n"
    + HEAD
    + QUEUE
    + OUT
    + "def f(m: func.QueueMessage, o: func.Out[typing.List[str]]) -> None: ...\n",
    "queue message as text": HEAD + QUEUE + "async def f(m: str, context: func.Context) -> None: ...\n",
}
PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from sandbox.host.errors import WorkerError
from sandbox.host.settings import AppSettings
from sandbox.host.worker import Worker

async def main():
    results = {}
    for app in sorted(Path(sys.argv[1]).iterdir()):
        sys.modules.pop("function_app", None)
        worker = Worker(app, AppSettings({}))
        try:
            await worker.start()
            results[app.name] = [function.name for function in worker.functions]
        except WorkerError as error:
            results[app.name] = str(error)
    print(json.dumps(results))

asyncio.run(main())
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the worker says to each of the small apps: the names of the functions, or the text of its refusal."""
    folder = tmp_path_factory.mktemp("apps")
    sources = ACCEPTED | {name: source for name, (source, _) in REJECTED.items()}
    for name, source in sources.items():
        (folder / name).mkdir()
        (folder / name / "function_app.py").write_text(source)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(folder), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    output, _ = await process.communicate()
    answers: dict[str, object] = json.loads(output)
    return answers


@pytest.mark.parametrize("case", REJECTED)
def test_rejected(results: dict[str, object], case: str) -> None:
    """What the worker rejects in Azure stops the app here, with the worker's own message."""
    message = str(results[case])

    assert message.startswith("The worker rejected the app: ")
    assert REJECTED[case][1] in " ".join(message.split())


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(results: dict[str, object], case: str) -> None:
    """What the worker accepts is indexed."""
    assert results[case] == ["f"]


async def test_the_app_indexes(host: RunningHost) -> None:
    """The app of these tests is indexed completely, blueprints included, and no function is in error."""
    async with host.http.get("/admin/functions", headers={"x-functions-key": host.keys.master}) as response:
        names = {function["name"] for function in await response.json()}

    assert names >= {"echo", "on_event", "on_cloud_event", "work", "binary", "sad", "tick", "flaky", "slow", "send"}
    assert "is in error" not in host.process.log
