"""`cachewarden plan`: files in, a plan out, and an exit code that a script can use."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.cli import main
from tests.planning import REGISTRY
from tests.support import shared_data

POLICY = f"""\
version: 1
registries: [{{id: {REGISTRY.id}}}]
upstreams:
  docker.io: {{target: docker-hub, allow: ["library/*", "bitnami/**"], deny: ["*/nightly*"], credential: hub}}
credentials:
  hub:
    provider: personal
    vault: https://contoso-kv.vault.azure.net
    username_secret: dockerhub-username
    token_secret: dockerhub-token
    owner_secret: dockerhub-owner
"""
SETS = f"{REGISTRY.id}/credentialSets"
LIMITED = (
    'Failed to pull image "redis:7": rpc error: code = Unknown desc = failed to pull and unpack image '
    '"docker.io/library/redis:7": failed to copy: httpReadSeeker: failed open: unexpected status code '
    "https://registry-1.docker.io/v2/library/redis/manifests/sha256:" + "a" * 64 + ": 429 Too Many Requests - Server "
    "message: toomanyrequests: You have reached your unauthenticated pull rate limit."
)


class Desk:
    """A folder with a policy, and what the command printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.policy = self.file("policy.yaml", POLICY)

    def file(self, name: str, content: object) -> str:
        """A file: text as it is, anything else as JSON."""
        path = self._folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def pipe(self, text: str) -> None:
        """Put a text on standard input."""
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    def run(self, *arguments: str, registry: str = "contoso") -> tuple[int, str, str]:
        """Exit code, output, errors."""
        code = main(["plan", "--policy", self.policy, "--registry", registry, *arguments])
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def plan(self, *arguments: str) -> dict[str, Any]:
        """The plan as JSON."""
        _, out, _ = self.run("--json", *arguments)
        read: dict[str, Any] = json.loads(out)
        return read


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with the policy on it."""
    return Desk(tmp_path, capsys, monkeypatch)


class TestJson:
    """What programs read."""

    def test_has_the_fields_of_the_interface(self, desk: Desk) -> None:
        """Actions by kind in their order, one outcome per image with all its fields."""
        planned = desk.plan("nginx:1.27", "bitnami/nightly")

        made, granted, rule = planned["actions"]
        assert {"kind", "name", "login_server", "username_secret", "token_secret"} <= set(made)
        assert {"kind", "credential_set", "vault", "secrets"} <= set(granted)
        assert {"kind", "name", "source", "target", "credential_set"} <= set(rule)
        assert [action["kind"] for action in planned["actions"]] == [
            "create_credential_set",
            "grant_vault_access",
            "create_cache_rule",
        ]
        covered, denied = planned["outcomes"]
        assert covered["image"] == "docker.io/library/nginx:1.27"
        assert covered["status"] == "planned"
        assert covered["reason"] is None
        assert covered["rule"] == rule["name"]
        assert covered["pull_from"] == "contoso.azurecr.io/docker-hub/library/nginx:1.27"
        assert (denied["status"], denied["reason"], denied["rule"]) == ("blocked", "denied_by_policy", None)

    def test_reads_what_az_prints(self, desk: Desk) -> None:
        """Flattened objects, as the CLI prints them."""
        rules = desk.file(
            "rules.json",
            [
                {
                    "name": "nginx-rule",
                    "sourceRepository": "docker.io/library/nginx",
                    "targetRepository": "docker-hub/library/nginx",
                    "credentialSetResourceId": f"{SETS}/hub-set",
                    "provisioningState": "Succeeded",
                    "creationDate": "2026-01-01T00:00:00+00:00",
                    "identity": None,
                }
            ],
        )
        sets = desk.file(
            "sets.json",
            [
                {
                    "name": "hub-set",
                    "loginServer": "docker.io",
                    "identity": {"principalId": "p", "type": "SystemAssigned"},
                    "authCredentials": [
                        {
                            "name": "Credential1",
                            "usernameSecretIdentifier": "https://contoso-kv.vault.azure.net/secrets/dockerhub-username",
                            "passwordSecretIdentifier": "https://contoso-kv.vault.azure.net/secrets/dockerhub-token",
                            "credentialHealth": {"status": "Unhealthy", "errorCode": "X", "errorMessage": "no access"},
                        }
                    ],
                }
            ],
        )
        repositories = desk.file("repositories.json", ["docker-hub/library/redis"])
        files = ("--cache-rules", rules, "--credential-sets", sets, "--repositories", repositories)
        planned = desk.plan(*files, "nginx", "redis", "bitnami/redis")

        assert [action["kind"] for action in planned["actions"]] == ["grant_vault_access", "create_cache_rule"]
        assert [outcome["reason"] for outcome in planned["outcomes"]] == [None, "target_repository_exists", None]
        assert planned["actions"][1]["credential_set"] == "hub-set"

    def test_reads_what_the_rest_api_answers(self, desk: Desk) -> None:
        """Properties below `properties`, the list below `value`; the official examples too, where they are at hand."""
        examples = "acr/openapi/examples/2025-11-01"
        listed = [
            shared_data(f"{examples}/{name}.json")["responses"]["200"]["body"]
            for name in ("CacheRuleList", "CredentialSetList")
        ]
        rules, sets = (desk.file(f"{number}.json", body) for number, body in enumerate(listed))
        source = listed[0]["value"][0]["properties"]["sourceRepository"]
        (outcome,) = desk.plan("--cache-rules", rules, "--credential-sets", sets, f"{source}:1")["outcomes"]

        assert outcome["rule"] == listed[0]["value"][0]["name"]

    def test_sets_that_nobody_listed_exist_as_far_as_rules_name_them(self, desk: Desk) -> None:
        """Without `--credential-sets` a rule with a set is one that works."""
        rule = {
            "name": "nginx-rule",
            "sourceRepository": "docker.io/library/nginx",
            "targetRepository": "mirror/nginx",
            "credentialSetResourceId": f"{SETS}/hub-set",
        }
        rules = desk.file("rules.json", {"value": [{"name": "nginx-rule", "properties": rule}]})
        planned = desk.plan("--cache-rules", rules, "nginx:1", "redis")

        assert planned["outcomes"][0]["pull_from"] == "contoso.azurecr.io/mirror/nginx:1"
        assert [action["credential_set"] for action in planned["actions"]] == ["hub-set"]


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


class TestTree:
    """What people read."""

    def test_tells_actions_reasons_and_lines_to_do_it_by_hand(self, desk: Desk) -> None:
        """In the order in which they run, then each image."""
        _, out, _ = desk.run("nginx:1.27", "ghcr.io/a/b")

        assert (
            out.index("create the credential set")
            < out.index("dockerhub-token in")
            < out.index("create the cache rule")
        )
        assert "az acr cache create -r contoso" in out
        assert "pull from contoso.azurecr.io/docker-hub/library/nginx:1.27" in out
        assert "ghcr.io/a/b (upstream_not_in_policy)" in out

    def test_a_vault_id_of_the_policy_is_used(self, desk: Desk) -> None:
        """Nothing is looked up that the policy says."""
        vault = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/contoso-kv"
        desk.policy = desk.file("policy.yaml", f"{POLICY}    vault_id: {vault}\n")
        _, out, _ = desk.run("nginx")

        assert f'--scope "{vault}/secrets/dockerhub-token"' in out
        assert "az keyvault show" not in out

    def test_what_stands_around_a_failure_is_left_out(self, desk: Desk) -> None:
        """`kubectl describe pod … | cachewarden plan …`: headings and dashes are no images; --json has every line."""
        described = [
            "Name:             web-7d9c5f8b6d-00001",
            "    Image:          redis:7",
            "Conditions:",
            "  Type              Status",
            "  ----     ------     ----                 ----               -------",
            f"  Warning  Failed     4m (x4 over 5m)      kubelet            {LIMITED}",
            '  Normal   BackOff    30s (x20 over 5m)    kubelet            Back-off pulling image "redis:7"',
        ]
        desk.pipe("\n".join(described))
        code, out, _ = desk.run("-")
        desk.pipe("\n".join(described))
        _, as_json, _ = desk.run("--json", "-")

        assert code == 2
        assert "5 lines left out" in out
        assert "1 planned\n" in out
        assert "invalid_reference" not in out
        assert "ignored" not in out
        assert len(json.loads(as_json)["outcomes"]) == len(described)

    def test_nothing_is_left_out_where_nothing_failed(self, desk: Desk) -> None:
        """A misspelt reference among references is told."""
        _, out, _ = desk.run("nginx", "my image")

        assert "my image (invalid_reference)" in out
        assert "left out" not in out

    def test_control_characters_from_a_log_do_not_reach_the_terminal(self, desk: Desk) -> None:
        """An escape sequence in a failing text is shown as what it is not."""
        _, out, _ = desk.run("\x1b]0;owned\x07 is no image")

        assert "\x1b" not in out
        assert "owned" in out


class TestDiff:
    """`--diff`: what changed since another plan."""

    def test_names_what_came_went_and_changed(self, desk: Desk) -> None:
        """As text and as JSON; the exit code is that of the new plan."""
        before = desk.file("before.json", desk.plan("nginx", "redis"))
        code, out, _ = desk.run("--diff", before, "nginx", "mysql")
        _, as_json, _ = desk.run("--diff", before, "--json", "nginx", "mysql")

        assert code == 2
        assert "+ create the cache rule docker-io-library-mysql" in out
        assert "- create the cache rule docker-io-library-redis" in out
        assert "~ docker.io/library/redis: planned -> not there" in out
        assert [action["source"] for action in json.loads(as_json)["added"]] == ["docker.io/library/mysql"]
        assert {change["image"] for change in json.loads(as_json)["outcomes"]} == {
            "docker.io/library/mysql",
            "docker.io/library/redis",
        }

    def test_the_same_plan_has_none(self, desk: Desk) -> None:
        """Nor does another order of the same failures."""
        before = desk.file("before.json", desk.plan("nginx", "redis"))

        assert "none" in desk.run("--diff", before, "redis", "nginx")[1]
