"""What `cachewarden plan` prints: for programs, for people, and what changed since another plan."""

import json

from tests.support import shared_data
from tests.unit.commands.desk import LIMITED, POLICY, SETS, Desk


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
