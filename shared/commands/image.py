"""`cachewarden image`: a reference as anybody writes it → its one canonical form."""

import argparse
import sys
from typing import Any

from shared.commands._input import InputUnreadable, read_lines
from shared.commands._terminal import Printer, json_line
from shared.domain.images import ImageReference, InvalidReference, parse_reference, why_not_cacheable

HELP = "Normalise an image reference, and say whether a cache rule can have it as its source."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("reference", nargs="?", help="the reference: nginx, ghcr.io/team/app:1.2, nginx@sha256:…")
    parser.add_argument("--file", metavar="FILE", help="with --jsonl: read the lines from a file")
    parser.add_argument("--json", action="store_true", help="write JSON on a terminal too, as to a file or pipe")
    parser.add_argument(
        "--jsonl",
        action="store_true",
        help='read lines {"reference": …} and write one JSON object a line, in the same order',
    )


def run(arguments: argparse.Namespace) -> int:
    """Normalise and return 0; 1 when the reference is invalid or a line was not of the form."""
    if arguments.reference is None:
        if not arguments.jsonl:
            raise InputUnreadable("no reference given", hint="Give it as an argument, or lines with --jsonl.")
        return _lines(arguments.file)
    if arguments.json or arguments.jsonl or not sys.stdout.isatty():
        document = document_of(arguments.reference)
        json_line(document)
        return 1 if "error" in document else 0
    return _show(arguments.reference, Printer())


def document_of(text: str) -> dict[str, Any]:
    """The reference's parts, or the error, as JSON has them."""
    try:
        reference = parse_reference(text)
    except InvalidReference as invalid:
        return {"error": str(invalid)}
    return {
        "registry": reference.registry,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
    }


def _show(text: str, printer: Printer) -> int:
    try:
        reference = parse_reference(text)
    except InvalidReference as invalid:
        printer.line(printer.paint(str(invalid), "red"))
        printer.line(f"  {invalid.hint}")
        return 1
    _fields(reference, printer)
    return 0


def _fields(reference: ImageReference, printer: Printer) -> None:
    printer.line(printer.paint(str(reference), "bold"))
    printer.line()
    printer.field("registry", reference.registry)
    printer.field("repository", reference.repository)
    printer.field("tag", reference.tag or "none written")
    printer.field("digest", reference.digest or "none written")
    reason = why_not_cacheable(reference)
    printer.field("cache", f"ACR can cache it, source {reference.source}" if reason is None else reason)


def _lines(path: str | None) -> int:
    bad = 0
    for text in read_lines(path, "reference"):
        if isinstance(text, InputUnreadable):
            bad = 1
            json_line({"error": str(text)})
        else:
            json_line(document_of(text))
    return bad
