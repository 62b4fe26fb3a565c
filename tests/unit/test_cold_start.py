"""Cold start: what is imported before the first event arrives, measured in modules and not in time."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_IMPORTED = """
import sys
import azure.functions
before = set(sys.modules)
import function_app
functions = function_app.app.get_functions()
print(*sorted(function.get_function_name() for function in functions), sep=",")
print(*sorted(set(sys.modules) - before), sep=",")
"""


def _index() -> tuple[list[str], list[str]]:
    """Names of the functions, and the modules that indexing has added to `azure.functions`, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    names, modules = done.stdout.splitlines()
    return names.split(","), modules.split(",")


class TestIndex:
    """Importing `function_app`, as the worker does before anything else."""

    def test_no_sdk_and_no_use_case_is_imported(self) -> None:
        """Their import is paid by the first event that needs them."""
        _, modules = _index()

        ours = {
            name for name in modules if name.partition(".")[0] in {"functions", "function_app", "shared", "sandbox"}
        }
        assert {name.partition(".")[0] for name in ours} == {"functions", "function_app"}
        assert {name.partition(".")[0] for name in modules} - {"functions", "function_app"} <= set(
            sys.stdlib_module_names
        )

    def test_every_trigger_of_the_design_is_there(self) -> None:
        """A trigger that is not registered is an event that nobody hears."""
        names, _ = _index()

        assert names == [
            "alerts",
            "approve",
            "audit",
            "channels",
            "checkup",
            "console",
            "console_pages",
            "dead_letter",
            "dead_letters",
            "deliveries",
            "explain",
            "health",
            "incident",
            "incidents",
            "mirrors",
            "notices",
            "notifications",
            "notifications_poison",
            "openapi",
            "plan",
            "registry_events",
            "reject",
            "remediations",
            "remediations_poison",
            "replay",
            "resource_events",
            "rotate",
            "rotation",
            "rotation_overview",
            "rotations",
            "rotations_poison",
            "sweep",
            "vault_events",
        ]
