"""`cachewarden policy`: check a policy file, and show what it means with its defaults."""

import argparse
import sys
from collections.abc import Sequence

from shared.commands._input import read_text
from shared.commands._policy_input import load_policy_file
from shared.commands._terminal import Printer, json_line
from shared.domain.counting import counted
from shared.domain.policy_file import check_policy, effective_policy
from shared.domain.problems import Problem

HELP = "Check a policy file, or show it with every default written out."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="say everything that is wrong with a policy file")
    check.add_argument("file", metavar="FILE", help="the policy file; - for standard input")
    check.add_argument("--json", action="store_true", help="write the problems as JSON")
    check.add_argument("--strict", action="store_true", help="let warnings fail the check as well")
    show = actions.add_parser("show", help="print a policy file")
    show.add_argument("file", metavar="FILE", help="the policy file; - for standard input")
    show.add_argument("--effective", action="store_true", help="with every default written out")
    show.add_argument("--json", action="store_true", help="as JSON, with every default written out")


def run(arguments: argparse.Namespace) -> int:
    """Check or show; 1 when the check finds errors, or warnings with --strict.

    Raises:
        InputUnreadable: the file can't be read.
        PolicyInvalid: a policy with errors can't be shown.
    """
    if arguments.action == "check":
        return _check(arguments.file, as_json=arguments.json, strict=arguments.strict)
    policy = load_policy_file(arguments.file)
    if arguments.json:
        json_line(effective_policy(policy))
    elif arguments.effective:
        import yaml

        sys.stdout.write(yaml.safe_dump(effective_policy(policy), sort_keys=False, allow_unicode=True))
    else:
        sys.stdout.write(read_text(arguments.file))
    return 0


def _check(path: str, *, as_json: bool, strict: bool) -> int:
    checked = check_policy(read_text(path))
    failed = bool(checked.errors) or (strict and bool(checked.warnings))
    if as_json:
        json_line({"valid": not checked.errors, "errors": checked.errors, "warnings": checked.warnings})
        return int(failed)
    printer = Printer()
    _tell(printer, path, "error", "red", checked.errors)
    _tell(printer, path, "warning", "yellow", checked.warnings)
    counts = f"{counted(len(checked.errors), 'error')}, {counted(len(checked.warnings), 'warning')}"
    printer.line(f"{path}: {printer.paint(counts, 'red' if failed else 'green')}")
    return int(failed)


def _tell(printer: Printer, path: str, kind: str, style: str, problems: Sequence[Problem]) -> None:
    """A line per problem, in the form `file:line: …` that editors jump to."""
    for problem in problems:
        where = f"{path}:{problem.line or 1}: {printer.paint(kind, style)}: "
        what = printer.paint(problem.path or "the file", "bold")
        found, expected = printer.paint(problem.found, "dim"), printer.paint(problem.expected, "dim")
        printer.line(f"{where}{what}: found {found}; expected {expected}")
