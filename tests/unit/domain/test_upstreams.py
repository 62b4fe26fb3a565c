"""The upstreams that ACR can cache."""

import pytest

from shared.domain.upstreams import Authentication, upstream_for, why_not_supported


class TestUpstreams:
    """The table, and its one wildcard."""

    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("docker.io", Authentication.REQUIRED),
            ("Docker.IO", Authentication.REQUIRED),
            ("dhi.io", Authentication.REQUIRED),
            ("mcr.microsoft.com", Authentication.REFUSED),
            ("public.ecr.aws", Authentication.REFUSED),
            ("ghcr.io", Authentication.OPTIONAL),
            ("eu.gcr.io", Authentication.OPTIONAL),
            ("europe-docker.pkg.dev", Authentication.REQUIRED),
            ("registry.redhat.io", Authentication.REQUIRED),
            ("registry.access.redhat.com", Authentication.REFUSED),
        ],
    )
    def test_says_how_acr_logs_in(self, host: str, expected: Authentication) -> None:
        """Needs, may have, must not have credentials; letter case does not matter."""
        upstream = upstream_for(host)

        assert upstream is not None
        assert expected is upstream.authentication

    @pytest.mark.parametrize(
        "host",
        [
            "docker.elastic.co",
            "pkg.dev",
            ".pkg.dev",
            "evilpkg.dev",
            "fabrikam.azurecr.io",
            "localhost:5000",
            "",
            "us.gcr.io",
        ],
    )
    def test_knows_no_others(self, host: str) -> None:
        """Neither a name that ends alike nor another ACR."""
        assert upstream_for(host) is None

    def test_says_what_to_do_instead(self) -> None:
        """Another ACR needs another way than a host that ACR does not know."""
        assert "identity" in why_not_supported("fabrikam.azurecr.io")
        assert "az acr import" in why_not_supported("docker.elastic.co")
