"""`cachewarden plan`: which failures it reads, for which registry, and an exit code that a script can use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli import main
from tests.planning import REGISTRY
from tests.unit.commands.desk import LIMITED, POLICY, Desk


class TestFailures:
    """What counts as a failure, and where it may stand."""

    def test_references_texts_and_explained_lines(self, desk: Desk) -> None:
        """One a line, in any mixture; the outcomes keep their order."""
        explained = {
            "cause": "abuse_limited",
            "rate_limited": True,
            "image": {"registry": "docker.io", "repository": "library/mysql", "tag": "8", "digest": None},
            "cache_rule": None,
            "runtime": "docker",
        }
        lines = ["nginx:1.27", "", LIMITED, json.dumps(explained), "this is neither", "UPPER/case:1"]
        planned = desk.plan(desk.file("failures.txt", "\n".join(lines)))

        assert [(outcome["image"], outcome["status"], outcome["reason"]) for outcome in planned["outcomes"]] == [
            ("docker.io/library/nginx:1.27", "planned", None),
            ("docker.io/library/redis:7", "planned", None),
            ("docker.io/library/mysql:8", "ignored", "abuse_limited"),
            ("this is neither", "blocked", "invalid_reference"),
            ("UPPER/case:1", "blocked", "upstream_not_supported"),
        ]

    def test_standard_input(self, desk: Desk) -> None:
        """By `-`, and when nothing is given."""
        for arguments in (("-",), ()):
            desk.pipe("nginx\nredis\n")
            assert len(desk.plan(*arguments)["outcomes"]) == 2

    def test_what_explain_writes_can_be_piped_in(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        """`cachewarden explain --jsonl | cachewarden plan -`."""
        desk.pipe(json.dumps({"text": LIMITED}) + "\n")
        main(["explain", "--jsonl"])
        desk.pipe(capsys.readouterr().out)

        assert [outcome["image"] for outcome in desk.plan("-")["outcomes"]] == ["docker.io/library/redis:7"]

    @pytest.mark.parametrize("name", ["nope.txt", "./nope", "/nowhere/nope", "~/nope", "a/b/nope.JSONL"])
    def test_a_mistyped_file_name_is_no_image(self, desk: Desk, name: str) -> None:
        """Nothing is planned for a file that is not there."""
        code, out, err = desk.run(name)

        assert (code, out) == (1, "")
        assert f"{name}: No such file" in err

    def test_a_folder_is_no_image(self, desk: Desk, tmp_path: Path) -> None:
        """It says how an image of that name is written."""
        code, out, err = desk.run(str(tmp_path))

        assert (code, out) == (1, "")
        assert "Is a directory" in err
        assert "written with its tag" in err

    @pytest.mark.parametrize("text", ["app:1.log", "a/b:v1.json", "docker.io/library/nginx"])
    def test_references_that_end_like_files_are_references(self, desk: Desk, text: str) -> None:
        """A tag may end with anything."""
        assert desk.plan(text)["outcomes"][0]["reason"] != "invalid_reference"

    @pytest.mark.parametrize("given", ["", "\n \n"])
    def test_nothing_to_plan_for_is_an_error(self, desk: Desk, given: str) -> None:
        """A pipe whose first program failed must not read as "nothing to do"."""
        desk.pipe(given)
        code, out, err = desk.run("-")

        assert (code, out) == (1, "")
        assert "no failures were given" in err
        assert desk.run(given)[0] == 1

    def test_lines_of_which_none_says_anything_are_an_error(self, desk: Desk) -> None:
        """The outcomes are written all the same; one line that says something is enough."""
        code, out, err = desk.run("--json", "not an image", "NOR:this one")

        assert code == 1
        assert [outcome["reason"] for outcome in json.loads(out)["outcomes"]] == ["invalid_reference"] * 2
        assert "nothing that was given" in err
        assert desk.run("not an image", "nginx")[0] == 2


class TestExitCodes:
    """0 nothing to do, 2 something to do, 1 an error."""

    def test_something_and_nothing_to_do(self, desk: Desk) -> None:
        """What is blocked or covered is nothing to do."""
        assert desk.run("nginx")[0] == 2
        assert desk.run("ghcr.io/a/b")[0] == 0

    def test_errors(self, desk: Desk) -> None:
        """A file that is not there, not JSON, not a list; a policy that does not hold; each says where."""
        for flag, content, told in (
            ("--cache-rules", None, "nowhere"),
            ("--cache-rules", "[", "no JSON"),
            ("--cache-rules", {"a": 1}, "expected a list"),
            ("--cache-rules", [{"name": "x"}], "[0].sourceRepository"),
            ("--credential-sets", [1], "[0]: found a number"),
            ("--repositories", [{"name": "x"}], "[0]: found an object"),
            ("--cache-rules", "null", "found nothing; expected a list"),
            ("--diff", "{}x", "--json wrote"),
            ("--diff", "{}", "missing required field `actions`"),
            ("--diff", '{"actions": []}', "missing required field `outcomes`"),
        ):
            path = "nowhere.json" if content is None else desk.file("file.json", content)
            code, out, err = desk.run(flag, path, "nginx")
            assert (code, out) == (1, "")
            assert told in err

    def test_a_policy_with_errors(self, desk: Desk) -> None:
        """Every line is named."""
        desk.policy = desk.file(
            "policy.yaml", POLICY.replace("docker-hub", "Docker-Hub").replace("version: 1", "version: 3")
        )
        code, _, err = desk.run("nginx")

        assert code == 1
        assert ":1: error: version" in err
        assert ":4: error: upstreams.docker.io.target" in err

    @pytest.mark.parametrize("arguments", [["plan"], ["plan", "--policy", "p"], ["plan", "--no-such"]])
    def test_wrong_usage_is_not_something_to_do(self, arguments: list[str]) -> None:
        """Argparse's 2 would say so."""
        with pytest.raises(SystemExit) as left:
            main(arguments)

        assert left.value.code == 1

    def test_from_a_shell(self, desk: Desk) -> None:
        """The installed command gives the codes to whoever called it."""
        command = [
            str(Path(sys.executable).parent / "cachewarden"),
            "plan",
            "--policy",
            desk.policy,
            "--registry",
            "contoso",
        ]
        done = subprocess.run([*command, "--json", "-"], input="nginx\n", capture_output=True, text=True, check=False)

        assert (done.returncode, done.stderr) == (2, "")
        assert json.loads(done.stdout)["outcomes"][0]["status"] == "planned"


class TestRegistry:
    """Which registry is planned for."""

    @pytest.mark.parametrize(
        ("registry", "address"),
        [
            ("contoso", "contoso.azurecr.io"),
            ("Contoso", "contoso.azurecr.io"),
            ("contoso.azurecr.cn", "contoso.azurecr.cn"),
            (REGISTRY.id, "contoso.azurecr.io"),
        ],
    )
    def test_by_name_address_or_id(self, desk: Desk, registry: str, address: str) -> None:
        """The address is the public cloud's unless one is given."""
        _, out, err = desk.run("--json", "nginx", registry=registry)

        assert json.loads(out)["outcomes"][0]["pull_from"] == f"{address}/docker-hub/library/nginx"
        assert err == ""

    def test_one_that_the_policy_does_not_have(self, desk: Desk) -> None:
        """Can be asked about, with a warning."""
        code, out, err = desk.run("--json", "nginx", registry="fabrikam")

        assert code == 2
        assert json.loads(out)["outcomes"][0]["pull_from"].startswith("fabrikam.azurecr.io/")
        assert "no registry fabrikam" in err

    @pytest.mark.parametrize("name", ["contso", "contos", "Contosso"])
    def test_a_slip_is_an_error_that_names_the_one_that_was_meant(self, desk: Desk, name: str) -> None:
        """A plan for a registry that nobody has would look right."""
        code, out, err = desk.run("nginx", registry=name)

        assert (code, out) == (1, "")
        assert "did you mean contoso?" in err

    @pytest.mark.parametrize("name", ["contosodev", "contoso2"])
    def test_a_sister_is_no_slip(self, desk: Desk, name: str) -> None:
        """Registries of one company are called alike."""
        assert desk.run("nginx", registry=name)[0] == 2

    def test_one_that_is_none(self, desk: Desk) -> None:
        """Is an error."""
        assert desk.run("nginx", registry="con toso")[0] == 1
