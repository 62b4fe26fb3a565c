"""`cachewarden explain` and `cachewarden image` as people and scripts run them: real processes, pipes and terminals."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fixtures.failure_texts import LIMITED_TEMPO

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-c", "import sys; from shared.cli import main; sys.exit(main())")


def run(*arguments: str, given: str | bytes | None = None, closed: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Run the command line with text on standard input, or without standard input when `closed`."""
    source = given.encode() if isinstance(given, str) else given
    return subprocess.run(
        [*COMMAND, *arguments],
        input=source,
        stdin=subprocess.DEVNULL if closed else None,
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )


def on_a_terminal(arguments: Sequence[str], environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run the command line on a pseudo-terminal; its exit code and what it showed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm"} | (environment or {}),
    )
    os.close(follower)
    shown = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the terminal's other end is closed
            break
        shown += chunk
        if not chunk:
            break
    os.close(leader)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


class TestStart:
    """Ways to start it."""

    def test_as_a_module(self) -> None:
        """`python -m shared.cli`, for whoever has a checkout and no installed script, does the same."""
        arguments = ["image", "not an image"]
        module = (sys.executable, "-m", "shared.cli", *arguments)
        ran = subprocess.run(module, capture_output=True, check=False, cwd=ROOT, timeout=60)

        installed = run(*arguments)
        assert (ran.returncode, ran.stdout, ran.stderr) == (installed.returncode, installed.stdout, installed.stderr)
        assert ran.returncode == 1
        assert ran.stdout + ran.stderr


class TestExplain:
    """`cachewarden explain`."""

    @pytest.mark.parametrize("way", ["argument", "pipe", "dash", "file"])
    def test_reads_a_text_from_anywhere(self, way: str, tmp_path: Path) -> None:
        """An argument, a pipe, `-`, or a file."""
        path = tmp_path / "log.txt"
        path.write_text(LIMITED_TEMPO)
        ran = {
            "argument": lambda: run("explain", LIMITED_TEMPO),
            "pipe": lambda: run("explain", given=LIMITED_TEMPO),
            "dash": lambda: run("explain", "-", given=LIMITED_TEMPO),
            "file": lambda: run("explain", "--file", str(path)),
        }[way]()

        assert (ran.returncode, ran.stderr) == (0, b"")
        shown = ran.stdout.decode()
        assert "docker.io/grafana/tempo:2.4" in shown
        assert "az acr cache create" in shown
        assert ">>You have reached your unauthenticated pull rate limit<<" in shown
        assert "\x1b" not in shown

    def test_lines_of_json_in_lines_of_json_out(self) -> None:
        """In order, one object a line, with the fields that other programs rely on."""
        lines = [
            {"text": LIMITED_TEMPO},
            {"text": "nothing", "more": 1},
            {"text": "for cache rule 'hub-nginx' toomanyrequests:"},
        ]
        ran = run("explain", "--jsonl", given="\n".join(map(json.dumps, lines)) + "\n\n")

        assert (ran.returncode, ran.stderr) == (0, b"")
        first, second, third = map(json.loads, ran.stdout.splitlines())
        assert first == {
            "cause": "rate_limited",
            "rate_limited": True,
            "image": {"registry": "docker.io", "repository": "grafana/tempo", "tag": "2.4", "digest": None},
            "cache_rule": None,
            "runtime": "containerd",
        }
        assert second == {
            "cause": "unknown",
            "rate_limited": False,
            "image": None,
            "cache_rule": None,
            "runtime": "unknown",
        }
        assert third["cache_rule"] == "hub-nginx"

    def test_a_bad_line_is_an_error_in_its_place(self) -> None:
        """The lines after it are still answered, and the exit code tells."""
        ran = run("explain", "--jsonl", given='{"text": "a"}\nnot json\n{"txt": "b"}\n[]\n{"text": "c"}\n')

        answers = [json.loads(line) for line in ran.stdout.splitlines()]
        assert [("error" in answer) for answer in answers] == [False, True, True, True, False]
        assert answers[1]["error"].startswith("line 2 is not JSON")
        assert answers[2]["error"].startswith("line 3")
        assert ran.returncode == 1

    def test_a_text_with_jsonl_is_one_line(self) -> None:
        """For scripts with a text at hand."""
        ran = run("explain", "--jsonl", LIMITED_TEMPO)

        assert json.loads(ran.stdout)["cause"] == "rate_limited"

    def test_an_unknown_cause_is_exit_code_1(self) -> None:
        """A script can tell without reading."""
        assert run("explain", "nothing to see").returncode == 1

    def test_bytes_that_are_no_text_are_read_all_the_same(self) -> None:
        """Logs hold anything."""
        ran = run("explain", given=b"\xff\xfe\x00" + LIMITED_TEMPO.encode() + b"\xff")

        assert ran.returncode == 0

    def test_control_characters_of_a_log_never_reach_the_terminal(self) -> None:
        """A log line must not set the window's title or move the cursor."""
        _, shown = on_a_terminal(["explain", f"\x1b]0;owned\x07{LIMITED_TEMPO}\x1b[2J\x9b31m"])

        assert "\x1b]" not in shown
        assert "\x1b[2J" not in shown
        assert "\x07" not in shown

    def test_has_colours_on_a_terminal(self) -> None:
        """The deciding words stand out."""
        code, shown = on_a_terminal(["explain", LIMITED_TEMPO])

        assert code == 0
        assert "\x1b[1;33mYou have reached your unauthenticated pull rate limit\x1b[0m" in shown

    def test_folds_between_words_on_a_narrow_terminal(self) -> None:
        """What a person reads fits; a command stays one line, to be copied."""
        _, shown = on_a_terminal(["explain", LIMITED_TEMPO], {"COLUMNS": "66"})
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)

        wide = [line.split()[0] for line in plain.splitlines() if len(line) > 66]
        assert wide == ["evidence", "az"]
        assert "counted by the\n             address" in plain

    def test_has_none_where_they_are_not_wanted(self) -> None:
        """https://no-color.org."""
        _, shown = on_a_terminal(["explain", LIMITED_TEMPO], {"NO_COLOR": "1"})

        assert "\x1b" not in shown

    def test_says_what_it_wants_when_nothing_is_given(self) -> None:
        """It does not sit at a terminal and wait."""
        code, shown = on_a_terminal(["explain"])

        assert code == 2
        assert "no text given" in shown

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """One line, no traceback."""
        ran = run("explain", "--file", str(tmp_path / "gone.log"))

        assert ran.returncode == 2
        assert b"gone.log: No such file or directory" in ran.stderr
        assert b"Traceback" not in ran.stderr

    def test_a_text_and_a_file_is_one_too_many(self, tmp_path: Path) -> None:
        """Which one was meant is not guessed."""
        assert run("explain", "text", "--file", str(tmp_path / "x")).returncode == 2

    def test_a_reader_that_goes_away_is_no_traceback(self, tmp_path: Path) -> None:
        """`cachewarden explain --jsonl | head -1`."""
        path = tmp_path / "lines.jsonl"
        path.write_text((json.dumps({"text": LIMITED_TEMPO}) + "\n") * 500)
        reader, writer = os.pipe()
        os.close(reader)
        try:
            ran = subprocess.run(
                [*COMMAND, "explain", "--jsonl", "--file", str(path)],
                stdout=writer,
                stderr=subprocess.PIPE,
                check=False,
                cwd=ROOT,
                timeout=60,
            )
        finally:
            os.close(writer)

        assert (ran.returncode, ran.stderr) == (141, b"")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize(("arguments", "code"), [(["explain", LIMITED_TEMPO], 2), (["image", "nginx"], 2)])
    def test_a_full_disk_is_one_line(self, arguments: list[str], code: int) -> None:
        """An answer that was not written is no answer."""
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=-1, check=False, cwd=ROOT, timeout=60)

        assert ran.returncode == code
        assert ran.stderr == b"cachewarden: the output can't be written: No space left on device\n"

    @pytest.mark.parametrize(
        ("arguments", "code"), [(["image", "nginx"], 2), (["plan", "--policy", "x", "--registry", "y"], 1)]
    )
    def test_a_closed_output_is_one_line(self, arguments: list[str], code: int) -> None:
        """`>&-`; with standard error closed as well there is only the exit code."""
        closed = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments]
        ran = subprocess.run(closed, stderr=-1, check=False, cwd=ROOT, timeout=60)
        assert (ran.returncode, ran.stderr) == (code, b"cachewarden: the output can't be written: it is closed\n")

        closed[2] = 'exec "$@" >&- 2>&-'
        assert subprocess.run(closed, check=False, cwd=ROOT, timeout=60).returncode == code

    def test_a_terminal_without_unicode_gets_escapes(self) -> None:
        """A log's characters, and our own, must not end in a traceback."""
        ran = subprocess.run(
            [*COMMAND, "explain", f"caf\u00e9 {LIMITED_TEMPO}"],
            capture_output=True,
            check=False,
            cwd=ROOT,
            env=os.environ | {"PYTHONIOENCODING": "ascii"},
            timeout=60,
        )

        assert (ran.returncode, ran.stderr) == (0, b"")
        assert b"grafana/tempo" in ran.stdout

    @pytest.mark.parametrize("given", ["", " \n"])
    def test_an_empty_pipe_is_no_text(self, given: str) -> None:
        """Nothing is explained where nothing was said; JSON lines may be none."""
        ran = run("explain", given=given)

        assert (ran.returncode, ran.stdout) == (2, b"")
        assert b"no text given" in ran.stderr
        assert run("explain", "--jsonl", given=given).returncode == 0

    @pytest.mark.parametrize(("text", "told"), [("policy.sample.yaml", "is a file"), ("gone.log", "looks like a path")])
    def test_a_file_name_is_explained_as_a_text_with_a_warning(self, text: str, told: str) -> None:
        """Whoever meant the file learns of --file."""
        ran = run("explain", text)

        assert ran.returncode == 1
        assert f"{text} {told}" in ran.stderr.decode()
        assert b"--file" in ran.stderr
        assert b"unknown" in ran.stdout

    def test_a_text_without_quotes_is_told_about_them(self) -> None:
        """`cachewarden explain toomanyrequests: You have …`."""
        ran = run("explain", "hello", "world")

        assert ran.returncode == 2
        assert b"wants quotes" in ran.stderr
        assert b"wants quotes" not in run("explain", "hello", "--worl").stderr

    def test_an_interrupt_is_no_traceback(self) -> None:
        """Ctrl-C while it reads."""
        interruptible = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        try:
            process = subprocess.Popen([*COMMAND, "explain", "--jsonl"], stdin=-1, stdout=-1, stderr=-1, cwd=ROOT)
        finally:
            signal.signal(signal.SIGINT, interruptible)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"text": "x" * 20_000}).encode() + b"\n")
        process.stdin.flush()
        process.stdin.write(b'{"text": "y"}\n' * 4000)  # fills its output buffer, so a first answer shows that it runs
        process.stdin.flush()
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)

        assert (process.returncode, told) == (130, b"")


class TestImage:
    """`cachewarden image`."""

    def test_writes_json_to_a_pipe(self) -> None:
        """The parts of the one canonical form."""
        ran = run("image", "registry-1.docker.io/nginx:1.27")

        assert json.loads(ran.stdout) == {
            "registry": "docker.io",
            "repository": "library/nginx",
            "tag": "1.27",
            "digest": None,
        }
        assert ran.returncode == 0

    def test_writes_for_people_on_a_terminal(self) -> None:
        """With the answer to whether ACR can cache it."""
        code, shown = on_a_terminal(["image", "localhost:5000/app"])

        assert code == 0
        assert "ACR can't reach it" in shown

    def test_an_invalid_one_is_an_error_and_exit_code_1(self) -> None:
        """In JSON and for people."""
        ran = run("image", "acme/App")
        code, shown = on_a_terminal(["image", "acme/App"])

        assert "error" in json.loads(ran.stdout)
        assert (ran.returncode, code) == (1, 1)
        assert "lowercase" in shown

    def test_lines_of_json(self) -> None:
        """An invalid reference among many is an answer, not a failure."""
        ran = run("image", "--jsonl", given='{"reference": "nginx"}\n{"reference": "A/B/C"}\n')

        first, second = map(json.loads, ran.stdout.splitlines())
        assert (first["repository"], list(second), ran.returncode) == ("library/nginx", ["error"], 0)

    def test_wants_a_reference(self) -> None:
        """Or lines."""
        assert run("image", closed=True).returncode == 2


class TestMain:
    """The command line itself."""

    def test_help_names_the_commands_and_the_exit_codes(self) -> None:
        """For whoever has never seen it."""
        shown = run("--help").stdout.decode()

        assert "explain" in shown
        assert "image" in shown
        assert "Exit codes" in shown

    @pytest.mark.parametrize("arguments", [(), ("nonsense",), ("explain", "--nonsense")])
    def test_wrong_usage_is_exit_code_2(self, arguments: tuple[str, ...]) -> None:
        """With a line on standard error."""
        ran = run(*arguments)

        assert ran.returncode == 2
        assert ran.stderr.startswith(b"usage: cachewarden")

    def test_one_command_does_not_import_what_only_others_need(self) -> None:
        """Start-up is part of the answer's time."""
        heavy = ["yaml", "aiohttp", "azure.core", "docker_image", "rich", "structlog"]
        code = (
            "import sys; from shared.cli import main; main(['explain', '--jsonl', 'x']); "
            f"print([name for name in {heavy} if name in sys.modules])"
        )
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, timeout=60)

        assert ran.stdout.splitlines()[-1] == b"[]"


class TestPlan:
    """`cachewarden plan` on a terminal."""

    def test_folds_all_but_commands(self) -> None:
        """The tree stays a tree at 60 columns."""
        code, shown = on_a_terminal(
            ["plan", "--policy", "policy.sample.yaml", "--registry", "contoso", "nginx"], {"COLUMNS": "60"}
        )
        lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()

        assert code == 2
        assert all("─ az " in line for line in lines if len(line.rstrip()) > 60)
        assert sum("─ az " in line for line in lines) == 4
        assert all(line[0] in "│├└ P" for line in lines if line)
