"""The hand-off: lines that people copy, in which nothing is what a log would like it to be."""

import shlex
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.failures import Workload
from shared.domain.handoff import (
    by_hand,
    commands,
    dockerfile_line,
    hand_off,
    helm_values,
    kustomize_images,
    spellings,
)
from shared.domain.images import parse_reference
from shared.domain.incidents import Incident, IncidentState
from shared.domain.plans import AttachCredentialSet, CreateCacheRule, CreateCredentialSet, GrantVaultAccess

CLUSTER = "/subscriptions/s/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/prod"
NEW = "contoso.azurecr.io/docker-hub/library/nginx:1.27"


def workload(kind: str = "Deployment", name: str = "web", namespace: str = "shop", containers: str = "app") -> Workload:
    """A workload in a cluster; containers divided by blanks."""
    return Workload(CLUSTER, namespace, kind, name, tuple(containers.split()))


class TestKubectl:
    """`kubectl set image`."""

    def test_names_the_container_when_there_is_one(self) -> None:
        """The line can be pasted as it is."""
        assert commands(NEW, [workload()]) == (f"kubectl set image deployment/web app={NEW} -n shop",)

    @pytest.mark.parametrize("containers", ["", "app sidecar", "--flag"])
    def test_says_plainly_when_it_does_not_know_the_container(self, containers: str) -> None:
        """None known, or several: a placeholder that a shell does not take for a redirection."""
        assert commands(NEW, [workload(containers=containers)]) == (
            f"kubectl set image deployment/web '<container>={NEW}' -n shop",
        )

    @pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "CronJob", "Pod", "ReplicaSet"])
    def test_other_kinds(self, kind: str) -> None:
        """What `kubectl set image` can change."""
        assert commands(NEW, [workload(kind=kind)]) == (f"kubectl set image {kind.lower()}/web app={NEW} -n shop",)

    @pytest.mark.parametrize("kind", ["Job", "Something", ""])
    def test_kinds_that_can_not_be_changed_get_no_line(self, kind: str) -> None:
        """A Job's template can't be changed; what is unknown is left alone."""
        assert commands(NEW, [workload(kind=kind)]) == ()

    def test_without_a_namespace(self) -> None:
        """The line leaves it out."""
        assert commands(NEW, [workload(namespace="")]) == (f"kubectl set image deployment/web app={NEW}",)

    def test_each_line_once(self) -> None:
        """Two pods of one controller are one line."""
        assert len(commands(NEW, [workload(), workload()])) == 1

    @given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
    def test_names_from_logs_can_not_become_anything_else(self, name: str, namespace: str, container: str) -> None:
        """A line has the same words whatever the names are, or there is no line."""
        hostile = Workload(CLUSTER, namespace, "Deployment", name, (container,))

        for line in commands(NEW, [hostile]):
            words = shlex.split(line)
            assert words[:3] == ["kubectl", "set", "image"]
            assert words[3] == f"deployment/{name}"
            assert words[4] in {f"{container}={NEW}", f"<container>={NEW}"}
            assert words[5:] == (["-n", namespace] if namespace else [])
            assert not words[4].startswith("-")
            assert "\n" not in line

    @pytest.mark.parametrize("name", ["web; rm -rf /", "$(id)", "--all", "we\nb", "Web", "-web", ""])
    def test_names_that_kubernetes_would_not_accept_get_no_line(self, name: str) -> None:
        """Whoever wrote that, it is no workload."""
        assert commands(NEW, [workload(name=name)]) == ()


class TestApps:
    """Container Apps and web apps."""

    def test_have_their_own_lines(self) -> None:
        """The group and the name are those of the resource's id."""
        group = "/subscriptions/s/resourcegroups/rg/providers"
        app = Workload(f"{group}/microsoft.app/containerapps/shop", kind="ContainerApp", name="x", containers=("main",))
        site = Workload(f"{group}/microsoft.web/sites/shop", kind="WebApp")

        assert commands(NEW, [app, site]) == (
            f"az containerapp update -g rg -n shop --container-name main --image {NEW}",
            f"az webapp config container set -g rg -n shop --container-image-name {NEW}",
        )


class TestSnippets:
    """What goes into files."""

    def test_kustomize_has_every_spelling(self) -> None:
        """Kustomize compares names as the manifests write them."""
        assert spellings(parse_reference("nginx")) == (
            "nginx",
            "library/nginx",
            "docker.io/nginx",
            "docker.io/library/nginx",
        )
        assert spellings(parse_reference("bitnami/redis")) == ("bitnami/redis", "docker.io/bitnami/redis")
        assert spellings(parse_reference("ghcr.io/a/b")) == ("ghcr.io/a/b",)

    def test_kustomize_and_helm_are_yaml(self) -> None:
        """A tag that looks like a number stays text."""
        images = yaml.safe_load(kustomize_images(parse_reference("a/b:1.10"), "contoso.azurecr.io/docker-hub/a/b:1.10"))
        values = yaml.safe_load(helm_values("contoso.azurecr.io/docker-hub/a/b:1.10"))

        assert images["images"][0] == {
            "name": "a/b",
            "newName": "contoso.azurecr.io/docker-hub/a/b",
            "newTag": "1.10",
        }
        assert values["image"] == {"registry": "contoso.azurecr.io", "repository": "docker-hub/a/b", "tag": "1.10"}

    def test_a_digest_is_kept(self) -> None:
        """In each form."""
        digest = "sha256:" + "b" * 64
        target = f"contoso.azurecr.io/docker-hub/a/b@{digest}"

        assert (
            yaml.safe_load(kustomize_images(parse_reference(f"a/b@{digest}"), target))["images"][0]["digest"] == digest
        )
        assert yaml.safe_load(helm_values(target))["image"]["digest"] == digest
        assert dockerfile_line(target) == f"FROM {target}"


class TestByHand:
    """The lines that do what an action does."""

    def test_rules_and_sets(self) -> None:
        """With the CLI's options."""
        assert by_hand(CreateCacheRule("the-rule", "docker.io/a/*", "hub/a/*", "the-set"), "contoso") == (
            "az acr cache create -r contoso -n the-rule -s 'docker.io/a/*' -t 'hub/a/*' -c the-set",
        )
        assert by_hand(AttachCredentialSet("the-rule", "the-set"), "contoso") == (
            "az acr cache update -r contoso -n the-rule -c the-set",
        )
        assert by_hand(
            CreateCredentialSet("the-set", "docker.io", "https://v/secrets/u", "https://v/secrets/t"), "c"
        ) == (
            "az acr credential-set create -r c -n the-set -l docker.io -u https://v/secrets/u -p https://v/secrets/t",
        )

    def test_access_is_granted_secret_by_secret(self) -> None:
        """To the set's own identity, on nothing but the secrets."""
        lines = by_hand(GrantVaultAccess("the-set", "https://kv.vault.azure.net", ("u", "t")), "contoso")

        assert len(lines) == 2
        assert all("-n the-set" in line and "--scope" in line for line in lines)
        assert [shlex.split(line)[-1] for line in lines] == [
            f"$(az keyvault show -n kv --query id -o tsv)/secrets/{secret}" for secret in ("u", "t")
        ]

    def test_a_vault_whose_id_is_known_is_not_looked_up(self) -> None:
        """The scope is written out; a name that no secret can have gets no place in a shell."""
        vault_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv"
        action = GrantVaultAccess("the-set", "https://kv.vault.azure.net", ("u", "$(x)"))
        lines = by_hand(action, "contoso", vault_id)

        assert [line.rpartition(" --scope ")[2] for line in lines] == [
            f'"{vault_id}/secrets/u"',
            f'"{vault_id}/secrets/<secret>"',
        ]


class TestIncident:
    """What an incident leaves to people."""

    def test_each_image_that_something_serves(self) -> None:
        """With a line per workload."""
        now = datetime(2026, 11, 24, tzinfo=UTC)
        incident = Incident(
            id="i",
            registry_id="r",
            source="docker.io/library/nginx",
            state=IncidentState.VERIFIED,
            opened_at=now,
            updated_at=now,
            active_since=now,
            first_seen=now,
            last_seen=now,
            workloads={"docker.io/library/nginx:1.27": (workload(),)},
            pull_from={"docker.io/library/nginx:1.27": NEW},
        )

        (left,) = hand_off(incident)
        assert (left.image, left.pull_from) == ("docker.io/library/nginx:1.27", NEW)
        assert left.commands == (f"kubectl set image deployment/web app={NEW} -n shop",)
