"""Whose limit it is: the failing address, then the words of the limit, then the reference."""

import pytest

from shared.domain.diagnosis import diagnose
from tests.fixtures.failure_texts import ACCOUNT, ANONYMOUS, EITHER, TEMPO, kubelet, refused_get, refused_head


class TestDockerHub:
    """Docker Hub's own limits."""

    @pytest.mark.parametrize(
        ("said", "limit"),
        [
            (ANONYMOUS, "anonymous"),
            (EITHER, None),
            (ACCOUNT, "account"),
            ("You have reached your pull rate limit. You may increase the limit by upgrading.", "authenticated"),
        ],
    )
    def test_tells_which_pull_limit(self, said: str, limit: str | None) -> None:
        """The words of 2020 were said to everybody, so they tell nothing."""
        found = diagnose(kubelet("grafana/tempo:2.4", TEMPO, refused_get("grafana/tempo", said)))

        assert (str(found.cause), found.limit) == ("rate_limited", limit)

    @pytest.mark.parametrize("host", ["registry-1.docker.io", "index.docker.io", "production.cloudflare.docker.com"])
    def test_answers_under_several_names(self, host: str) -> None:
        """Its registry's two names and its download servers are all Docker Hub."""
        found = diagnose(kubelet("grafana/tempo:2.4", TEMPO, refused_get("grafana/tempo", host=host)))

        assert (str(found.cause), found.limit) == ("rate_limited", "anonymous")

    def test_refuses_bare_against_abuse(self) -> None:
        """A download that was refused without an explanation met the other limit."""
        bare = refused_get("grafana/tempo").partition(" - Server")[0]

        assert str(diagnose(kubelet("grafana/tempo:2.4", TEMPO, bare)).cause) == "abuse_limited"

    def test_a_look_at_a_tag_is_always_refused_bare(self) -> None:
        """A HEAD request has no body, so a bare refusal is no sign of abuse."""
        assert str(diagnose(kubelet("grafana/tempo:2.4", TEMPO, refused_head(TEMPO))).cause) == "rate_limited"

    @pytest.mark.parametrize("left", range(2, 120, 7))
    def test_a_cut_refusal_is_no_sign_of_abuse(self, left: int) -> None:
        """Wherever behind the status a text ends, what is missing may have been the explanation."""
        text = kubelet("grafana/tempo:2.4", TEMPO, refused_get("grafana/tempo"))
        end = text.index("429 Too Many Requests") + len("429 Too Many Requests")

        assert str(diagnose(text[: end + left]).cause) == "rate_limited"


class TestOtherRegistries:
    """Limits of other registries."""

    @pytest.mark.parametrize(
        "host",
        ["quay.io", "ghcr.io", "mcr.microsoft.com", "nvcr.io", "registry.k8s.io", "team.azurecr.io", "local:5000"],
    )
    def test_are_their_own(self, host: str) -> None:
        """A read was refused because of a limit, and the limit is not Docker Hub's."""
        image = f"{host}/acme/api:1"
        found = diagnose(kubelet(image, image, refused_head(image)))

        assert (str(found.cause), found.rate_limited, found.limit) == ("registry_throttled", True, host)
        assert str(found.image) == image

    def test_acr_is_not_docker_hub_because_its_path_says_so(self) -> None:
        """A repository that is called docker.io/… in ACR is ACR's."""
        image = "contoso.azurecr.io/docker.io/library/nginx:1.27"
        found = diagnose(kubelet(image, image, refused_head(image)))

        assert (str(found.cause), found.limit) == ("registry_throttled", "contoso.azurecr.io")
        assert str(found.image) == image

    def test_acr_words_its_own_limit(self) -> None:
        """Without an address the words tell, and the reference says which registry."""
        found = diagnose(
            'Failed to pull image "contoso.azurecr.io/app:2": rpc error: code = Unknown desc = Error response from '
            "daemon: toomanyrequests: Too many requests. Please visit https://aka.ms/acr/skus to view limits."
        )

        assert (str(found.cause), found.limit) == ("registry_throttled", "contoso.azurecr.io")

    @pytest.mark.parametrize(
        ("said", "host"),
        [
            ("toomanyrequests: retry-after: 512.7µs, allowed: 44000/minute", "ghcr.io"),
            ("toomanyrequests: Data limit exceeded", "public.ecr.aws"),
            ("toomanyrequests: Rate exceeded", "public.ecr.aws"),
            ("TOOMANYREQUESTS: Quota exceeded for quota metric 'Requests per project per region'", "pkg.dev"),
        ],
    )
    def test_are_told_by_their_words_alone(self, said: str, host: str) -> None:
        """Every registry words its limit in its own way (observed)."""
        found = diagnose(f"Error response from daemon: {said}")

        assert (str(found.cause), found.rate_limited, found.limit) == ("registry_throttled", True, host)

    def test_a_short_name_is_not_docker_hubs_when_the_words_are_anothers(self) -> None:
        """A name that merely occurs, without a registry, must not turn ECR's limit into an image of Docker Hub."""
        assert diagnose("later: `acme-meta:v1` -> `toomanyrequests: Data limit exceeded`").image is None


class TestMirrors:
    """Mirrors in front of a registry."""

    def test_the_limit_is_the_mirrors_and_the_image_is_as_it_was_pulled(self) -> None:
        """The address names the mirror, the reference names the original."""
        reason = refused_get("library/nginx", host="mirror.corp.example", query="?ns=docker.io")
        found = diagnose(kubelet("nginx:1.25", "docker.io/library/nginx:1.25", reason))

        assert (found.limit, str(found.image)) == ("mirror.corp.example", "docker.io/library/nginx:1.25")

    def test_the_address_alone_names_the_original(self) -> None:
        """The parameter `ns` of a mirror's address is the registry that was meant."""
        found = diagnose(
            "unexpected status from HEAD request to "
            "https://mirror.corp.example/v2/library/nginx/manifests/1.25?ns=docker.io: 429 Too Many Requests"
        )

        assert (found.limit, str(found.image)) == ("mirror.corp.example", "docker.io/library/nginx:1.25")


class TestCacheRules:
    """Refusals through a cache rule of ACR."""

    def test_the_upstreams_limit_is_not_acrs(self) -> None:
        """The rule is there, so another one would not help; the image is the one in ACR."""
        image = "contoso.azurecr.io/docker-hub/library/nginx:1.27"
        reason = (
            "429 Too Many Requests - toomanyrequests: too many requests to source registry for cache rule 'hub-nginx'."
        )
        found = diagnose(kubelet(image, image, refused_head(image, status=reason)))

        assert (str(found.cause), found.rate_limited, found.cache_rule) == ("rate_limited", True, "hub-nginx")
        assert str(found.image) == image

    def test_a_refused_login_of_the_rule_is_a_matter_of_credentials(self) -> None:
        """ACR passes on that the upstream did not let it in."""
        found = diagnose("unauthorized: authentication required with source registry for cache rule 'hub-all' For more")

        assert (str(found.cause), found.cache_rule) == ("credential_rejected", "hub-all")

    def test_the_source_that_a_rule_asked_is_kept(self) -> None:
        """It shows a rule that maps to the wrong path."""
        found = diagnose(
            "denied: requested access to pull from source 'docker.io/library/acme/app' for cache rule 'hub' "
            "has been denied. See cache rule 'hub-all' for cache rule 'hub-all'"
        )

        assert found.upstream == "docker.io/library/acme/app"
