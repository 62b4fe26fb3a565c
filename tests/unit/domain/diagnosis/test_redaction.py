"""Redaction: what must never be in the evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.diagnosis import diagnose
from shared.domain.diagnosis.redaction import redact
from tests.fixtures.failure_texts import ACCOUNT, DIGEST, LIMITED_TEMPO, TEMPO, kubelet, refused_get

SECRETS = [
    ("You have reached your pull rate limit as 'ferryman': more", "ferryman"),
    ("You have reached your pull rate limit\n   as 'ferryman': more", "ferryman"),
    ("You have reached your pull rate limit  as  'ferryman': more", "ferryman"),
    ("You+have+reached+your+pull+rate+limit+as+'ferryman':+more", "ferryman"),
    ("You have reached your pull rate limit as ''ferryman'': more", "ferryman"),
    ("You have reached your pull rate limit as 'ferry", "ferry"),
    ("dckr_pat_Ab-9_cd", "Ab-9_cd"),
    ("dckr_oat_7AbcDEF", "7AbcDEF"),
    ("dckr_jti_Ab9-cD_0eF=.", "Ab9-cD_0eF"),
    ("https://ferryman:hunter2@registry.example/v2/", "hunter2"),
    ("https://ferryman:hunter2@registry.example/v2/", "ferryman"),
    ("https://auth.docker.io/token?account=ferryman&scope=x", "ferryman"),
    ("https://x.blob.core.windows.net/c?sv=1&sig=Qm9hdHM%3D&se=2026", "Qm9hdHM"),
    ("https://s3.example/x?X-Amz-Signature=abcdef0123&X-Amz-Credential=AKIA", "abcdef0123"),
    ("https://x.example/?code=s3cretkey&y=1", "s3cretkey"),
    ("Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln", "eyJzdWIi"),
    ("Authorization: Basic ZmVycnltYW46cHc=", "ZmVycnltYW46cHc="),
    ("X-Registry-Auth: eyJ1c2VybmFtZSI6ImEifQ==", "eyJ1c2VybmFtZSI6ImEifQ"),
    ('{"identitytoken": "Zm9vYmFyYmF6"}', "Zm9vYmFyYmF6"),
    ("password=hunter2 next", "hunter2"),
    ('"password": "hunter2"', "hunter2"),
    ("accountKey: Zm9vYmFy next", "Zm9vYmFy"),
    ("AccountKey=Zm9vYmFyYmF6cXV4;EndpointSuffix=x", "Zm9vYmFyYmF6cXV4"),
    ("ghp_0123456789abcdefABCDEF0123456789abcd", "0123456789abcdefABCDEF"),
    ("a key 9fJ2kQ7xPz0LmN4bVc8RtYu1WsE5dGh6 of any kind", "9fJ2kQ7xPz0LmN4bVc8RtYu1WsE5dGh6"),
    ("docker-ratelimit-source: 4f9a3c1e-0000-4000-8000-1234567890ab", "4f9a3c1e"),
]


class TestRedact:
    """`redact`."""

    @pytest.mark.parametrize(("text", "secret"), SECRETS)
    def test_hides(self, text: str, secret: str) -> None:
        """Account names, tokens, passwords, signatures and keys of any kind."""
        assert secret not in redact(text)
        assert "***" in redact(text)

    @pytest.mark.parametrize("text", [LIMITED_TEMPO.replace(DIGEST, "sha256:" + "4bC1".lower() * 16), TEMPO, DIGEST])
    def test_keeps_images_digests_and_addresses(self, text: str) -> None:
        """What a person needs to find the image is no secret."""
        assert redact(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg",
            "/subscriptions/1f2e3d4c-0000-1111-2222-00000000000a/resourceGroups/MC_rg-Harbour1_aks-Harbour1_westeurope",
            "workspace 6F1B0C52-9D3E-4A77-8C15-2E90D7A4B3F8",
        ],
    )
    def test_keeps_ids_and_names_of_azure(self, text: str) -> None:
        """Where something happened is no secret either, long as its name may be."""
        assert redact(text) == text

    @given(st.text(max_size=300))
    def test_twice_is_once(self, text: str) -> None:
        """What is hidden stays hidden and gives no new reason to hide."""
        assert redact(redact(text)) == redact(text)


class TestEvidence:
    """The evidence of a diagnosis."""

    def test_carries_neither_account_nor_session(self) -> None:
        """Docker Hub prints both into its refusal."""
        found = diagnose(kubelet("grafana/tempo:2.4", TEMPO, refused_get("grafana/tempo", ACCOUNT)))

        assert "ferryman" not in found.evidence
        assert "dckr_jti_Ab9" not in found.evidence
        assert found.limit == "account"

    @pytest.mark.parametrize(("text", "secret"), SECRETS)
    @pytest.mark.parametrize("before", [0, 180, 700])
    def test_carries_no_secret_that_stands_near(self, text: str, secret: str, before: int) -> None:
        """Wherever the evidence is cut, a secret is hidden before."""
        found = diagnose(f"{LIMITED_TEMPO} {'x ' * (before // 2)}{text} {LIMITED_TEMPO}")

        assert secret not in found.evidence

    def test_marks_the_words_that_decided(self) -> None:
        """The span is where a reader should look."""
        found = diagnose(LIMITED_TEMPO)

        assert found.evidence[slice(*found.span)].startswith("You have reached your unauthenticated pull rate limit")
