"""`cachewarden plan`: what would be done for some failures, worked out offline from what `az acr` prints.

Exit codes as `terraform plan -detailed-exitcode` has them: 0 nothing to do, 2 there is something to do, 1 an error.
"""

import argparse
import difflib
import re
import sys

import msgspec

from shared.commands._az_files import assumed_credential_sets, read_credential_sets, read_repositories, read_rules
from shared.commands._input import InputUnreadable, given_lines, read_text
from shared.commands._plan_view import show_diff, show_plan, without_echoes
from shared.commands._policy_input import load_policy_file
from shared.domain.diagnosis import Cause
from shared.domain.json_reader import JsonUnreadable, read_json
from shared.domain.plan_diff import plan_diff
from shared.domain.planned_images import planned_image
from shared.domain.planner import plan
from shared.domain.plans import Action, Outcome, Plan, PlannedImage
from shared.domain.policy import Policy, RegistryPolicy
from shared.domain.registries import RegistrySnapshot

HELP = "Show what would be done for some failed pulls, offline; exit code 0 nothing to do, 2 something to do, 1 error."
ERROR_CODE = 1

_SOMETHING_TO_DO = 2
_DIGITS = re.compile("[0-9]")
_NEAR = 0.8
"""How alike two names are of which one is taken for a slip of the other, as difflib counts."""

_REGISTRY_NAME = re.compile(r"[A-Za-z0-9]{1,50}")


class _WrittenPlan(Plan, frozen=True):
    """A plan as `--json` writes it: both of its fields are there, so that another file does not pass for no plan."""

    actions: tuple[Action, ...] = msgspec.field()
    outcomes: tuple[Outcome, ...] = msgspec.field()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--policy", metavar="FILE", required=True, help="the policy file")
    parser.add_argument("--registry", metavar="NAME", required=True, help="the registry: its name, address or ARM id")
    parser.add_argument("--cache-rules", metavar="FILE", help="what `az acr cache list -o json` prints")
    parser.add_argument("--credential-sets", metavar="FILE", help="what `az acr credential-set list -o json` prints")
    parser.add_argument("--repositories", metavar="FILE", help="what `az acr repository list -o json` prints")
    parser.add_argument("--json", action="store_true", help="write the plan as JSON")
    parser.add_argument("--diff", metavar="FILE", help="show what changed since a plan that --json wrote")
    parser.add_argument(
        "failures",
        nargs="*",
        metavar="FAILURES",
        help="image references, failure texts or `explain --jsonl` lines, one a line: a file, the text itself, "
        "or - for standard input",
    )


def run(arguments: argparse.Namespace) -> int:
    """Plan, print, and say by the exit code whether there is something to do.

    Raises:
        CachewardenError: the policy, a file or the failures can't be read.
    """
    policy = load_policy_file(arguments.policy)
    registry = _registry(arguments.registry, policy)
    images = _images(arguments.failures)
    planned = plan(_snapshot(arguments, registry), images, policy, registry=registry)
    before = _read_plan(arguments.diff) if arguments.diff else None
    shown = planned if before is None else plan_diff(before, planned)
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode() + "\n")
    elif before is not None:
        show_diff(plan_diff(before, planned), registry.name)
    else:
        noise = _noise(images)
        told = without_echoes(outcome for outcome in planned.outcomes if outcome.image not in noise)
        show_plan(
            Plan(planned.actions, told),
            registry.name,
            vault_ids={one.vault.rstrip("/"): one.vault_id for one in policy.credentials.values() if one.vault_id},
            left_out=sum(image.text in noise for image in images),
        )
    if all(map(_says_nothing, images)):
        sys.stderr.write("cachewarden: nothing that was given is an image reference or a failure\n")
        return ERROR_CODE
    return _SOMETHING_TO_DO if planned.actions else 0


def _images(given: list[str]) -> list[PlannedImage]:
    images = [planned_image(line) for line in given_lines(given) if line.strip()]
    if not images:
        raise InputUnreadable("no failures were given", hint="Give references or failure texts, one a line.")
    return images


def _noise(images: list[PlannedImage]) -> frozenset[str]:
    """The lines around a failure that say nothing, as `kubectl describe` prints them; none where nothing failed."""
    if all(image.cause in {None, Cause.UNKNOWN} for image in images):
        return frozenset()
    return frozenset(image.text for image in images if _says_nothing(image))


def _says_nothing(image: PlannedImage) -> bool:
    return image.reference is None and image.cause is None


def _registry(wanted: str, policy: Policy) -> RegistryPolicy:
    """The policy's registry; one that the policy does not have can be planned for, since nothing is done."""
    name = wanted.rstrip("/").rpartition("/")[2].partition(".")[0]
    known = policy.registry(wanted) or policy.registry(name)
    if known is not None:
        return known
    if not _REGISTRY_NAME.fullmatch(name):
        raise InputUnreadable(f"--registry: found {wanted!r}; expected a registry's name: contoso")
    if slip := _slip_of(name.lower(), [registry.name.lower() for registry in policy.registries]):
        raise InputUnreadable(f"--registry: the policy has no registry {name}; did you mean {slip}?")
    names = ", ".join(registry.name for registry in policy.registries)
    sys.stderr.write(
        f"cachewarden: the policy has no registry {name} (it has {names}); this plan would not be applied\n"
    )
    return RegistryPolicy(id=name)


def _slip_of(name: str, known: list[str]) -> str | None:
    """The name that was meant; `contosodev` and `contoso2` are no slips of `contoso` but its sisters."""
    for near in difflib.get_close_matches(name, known, 1, _NEAR):
        if not name.startswith(near) and _DIGITS.sub("", name) != _DIGITS.sub("", near):
            return near
    return None


def _snapshot(arguments: argparse.Namespace, registry: RegistryPolicy) -> RegistrySnapshot:
    rules = read_rules(arguments.cache_rules) if arguments.cache_rules else ()
    sets = read_credential_sets(arguments.credential_sets) if arguments.credential_sets else None
    is_address = "." in arguments.registry and "/" not in arguments.registry
    return RegistrySnapshot(
        id=registry.id,
        login_server=(arguments.registry if is_address else f"{registry.name}.azurecr.io").lower(),
        rules=rules,
        credential_sets=assumed_credential_sets(rules) if sets is None else sets,
        repositories=read_repositories(arguments.repositories) if arguments.repositories else frozenset(),
    )


def _read_plan(path: str) -> Plan:
    try:
        return read_json(read_text(path), _WrittenPlan)
    except JsonUnreadable as error:
        raise InputUnreadable(f"{path}: {error}; a plan that --json wrote was expected") from error
