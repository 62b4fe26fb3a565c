"""`cachewarden explain`: a failure text → what failed, why, whose limit, which image, what to do."""

import argparse
import sys
from typing import Any

from shared.commands._input import InputUnreadable, is_file, looks_like_a_path, read_lines, read_text
from shared.commands._terminal import FIELD_WIDTH, Printer, json_line
from shared.domain.diagnosis import Cause, Diagnosis, diagnose
from shared.domain.explanation import Explanation, explain

HELP = "Explain a failed image pull: what failed, why, whose limit, which image, what to do."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("text", nargs="?", help="the failure text; left out or '-': standard input")
    parser.add_argument("--file", metavar="FILE", help="read the text, or the lines, from a file")
    parser.add_argument(
        "--jsonl",
        action="store_true",
        help='read lines {"text": …} and write one JSON object a line, in the same order',
    )


def run(arguments: argparse.Namespace) -> int:
    """Explain and return 0; 1 when the cause stays unknown or a line was not of the form."""
    given = None if arguments.text == "-" else arguments.text
    if given is not None and arguments.file is not None:
        raise InputUnreadable("a text and --file were given; one of them is wanted")
    if arguments.jsonl and given is None:
        return _lines(arguments.file)
    text = _given(given) if given is not None else read_text(arguments.file)
    if not text.strip() and not arguments.jsonl:
        raise InputUnreadable("no text given", hint="Give it as an argument, with --file, or through a pipe.")
    if arguments.jsonl:
        diagnosis = diagnose(text)
        json_line(document_of(diagnosis))
    else:
        explanation = explain(text)
        diagnosis = explanation.diagnosis
        show(explanation, Printer())
    return 1 if diagnosis.cause is Cause.UNKNOWN else 0


def _given(text: str) -> str:
    """The argument, with a word to whoever may have meant the file."""
    if is_file(text) or looks_like_a_path(text):
        what = "is a file" if is_file(text) else "looks like a path"
        sys.stderr.write(f"cachewarden: {text} {what}, and is explained as a text; --file reads a file\n")
    return text


def document_of(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as `--jsonl` writes it."""
    return {
        "cause": diagnosis.cause,
        "rate_limited": diagnosis.rate_limited,
        "image": diagnosis.image,
        "cache_rule": diagnosis.cache_rule,
        "runtime": diagnosis.runtime,
    }


def show(explanation: Explanation, printer: Printer) -> None:
    """Print an explanation for people."""
    diagnosis = explanation.diagnosis
    printer.words(printer.paint(explanation.summary, "bold"), indent=0)
    printer.line()
    printer.field("cause", printer.paint(diagnosis.cause, "red" if diagnosis.rate_limited else "yellow"))
    printer.field("image", printer.paint(str(diagnosis.image), "cyan") if diagnosis.image else "not named")
    if explanation.whose:
        printer.field("limit", printer.paint(explanation.whose, "cyan"))
    if diagnosis.cache_rule:
        printer.field("cache rule", printer.paint(diagnosis.cache_rule, "cyan"))
    if diagnosis.upstream:
        printer.field("upstream", printer.paint(diagnosis.upstream, "cyan"))
    printer.field("written by", diagnosis.runtime)
    if diagnosis.evidence:
        printer.field("evidence", _evidence(diagnosis, printer), whole=True)
    printer.line()
    printer.words(f"{printer.paint('Cachewarden', 'bold')}  {explanation.does}", indent=FIELD_WIDTH)
    for number, step in enumerate(explanation.by_hand):
        head = printer.paint("By hand    " if number == 0 else "           ", "bold")
        printer.words(f"{head}  {step}", indent=FIELD_WIDTH)
        if number == 0:
            for command in explanation.commands:
                printer.line(f"             {printer.paint(command, 'green')}")


def _evidence(diagnosis: Diagnosis, printer: Printer) -> str:
    start, end = diagnosis.span
    words = diagnosis.evidence
    marked = printer.paint(words[start:end], "mark")
    if not printer.colours and start < end:
        marked = f">>{marked}<<"
    return f"{printer.paint(words[:start], 'dim')}{marked}{printer.paint(words[end:], 'dim')}"


def _lines(path: str | None) -> int:
    bad = 0
    for text in read_lines(path, "text"):
        if isinstance(text, InputUnreadable):
            bad = 1
            json_line({"error": str(text)})
        else:
            json_line(document_of(diagnose(text)))
    return bad
