"""Image references: one spelling for one image, and what can never be a cache source."""

import json

import pytest
from docker_image import digest as digests
from docker_image import reference as references
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.images import (
    ImageReference,
    InvalidReference,
    canonical_host,
    is_acr,
    parse_reference,
    why_not_cacheable,
)
from tests.support import shared_path

DIGEST = "sha256:" + "4bc1" * 16
IMAGE_ID = "4bc1" * 16

PIECES = (
    *("nginx", "library", "a", "0", "Foo", "docker.io", "index.docker.io", "localhost", "ghcr.io", "x.y", "127.0.0.1"),
    *("[::1]", "/", ":", "@", ".", "-", "_", "__", "--", "..", DIGEST, "sha256", "sha512", IMAGE_ID, "5000", "latest"),
    *("é", " ", "a" * 130),
)
nearly_references = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def by_the_library(text: str) -> ImageReference | None:
    """What the library says, Docker Hub's other names aside; None where it refuses."""
    try:
        named = references.Reference.parse_normalized_named(text)
    except (references.InvalidReference, digests.InvalidDigest):
        return None
    return ImageReference(named.domain(), named.path(), named["tag"], named["digest"])


def parsed(text: str) -> ImageReference | None:
    """What we say; None where we refuse."""
    try:
        return parse_reference(text)
    except InvalidReference:
        return None


class TestParseReference:
    """`parse_reference`."""

    @pytest.mark.parametrize(
        ("written", "canonical"),
        [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("acme/app", "docker.io/acme/app"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/nginx", "docker.io/library/nginx"),
            ("registry-1.docker.io/library/nginx", "docker.io/library/nginx"),
            ("registry.hub.docker.com/acme/app:1", "docker.io/acme/app:1"),
            ("Docker.IO/nginx", "docker.io/library/nginx"),
            ("REGISTRY-1.docker.io/nginx", "docker.io/library/nginx"),
            ("docker.io:443/acme/app", "docker.io/acme/app"),
            ("Contoso.AzureCR.io/app:V1", "contoso.azurecr.io/app:V1"),
            ("ghcr.io/acme/app@" + DIGEST, "ghcr.io/acme/app@" + DIGEST),
            (f"nginx:1.27@{DIGEST}", f"docker.io/library/nginx:1.27@{DIGEST}"),
            ("localhost/app", "localhost/app"),
            ("registry:5000/app", "registry:5000/app"),
            ("Foo/bar", "Foo/bar"),
        ],
    )
    def test_gives_the_one_spelling(self, written: str, canonical: str) -> None:
        """Docker's normalisation, Docker Hub under all its names, DNS names in lower case."""
        assert str(parse_reference(written)) == canonical

    @pytest.mark.parametrize(
        "written",
        [
            "",
            ":1",
            "acme/App",
            "a//b",
            "-a",
            "a:",
            "a@sha256:12",
            IMAGE_ID,
            "https://docker.io/nginx",
            "a b",
            "a" * 5000,
        ],
    )
    def test_refuses_what_is_none(self, written: str) -> None:
        """The error says what was written, and what a reference is."""
        with pytest.raises(InvalidReference) as refusal:
            parse_reference(written)

        assert refusal.value.code == "invalid_reference"
        assert "repository" in refusal.value.hint

    @given(nearly_references)
    @example(IMAGE_ID)
    @example("library/" + "a" * 250)
    @example("a" * 256)
    @example("localhost:5000")
    @example("nginx_docker.io/nginx")
    def test_decides_as_the_library_does(self, text: str) -> None:
        """The short way for plain references is a shortcut and nothing else."""
        library = by_the_library(text)
        ours = parsed(text)
        if library is None or len(text) > 1024:
            assert ours is None or canonical_host(text.partition("/")[0]) == "docker.io"
        else:
            assert ours is not None
            assert (ours.tag, ours.digest) == (library.tag, library.digest)
            assert ours.registry == canonical_host(library.registry)
            assert ours.repository.removeprefix("library/") == library.repository.removeprefix("library/")

    @given(nearly_references)
    def test_is_a_fixed_point(self, text: str) -> None:
        """The canonical form of the canonical form is itself."""
        found = parsed(text)

        assert found is None or parsed(str(found)) == found

    def test_answers_the_reference_vectors(self) -> None:
        """Docker's own test vectors for normalisation, as they stand."""
        vectors = [json.loads(line) for line in shared_path("reference/vectors.jsonl").read_text("utf-8").splitlines()]
        wrong = [v["input"] for v in vectors if v["mode"] == "normalize" and answer(v["input"]) != v["expected"]]

        assert wrong == []


def answer(text: str) -> dict[str, str | None] | None:
    """A reference in the vectors' form."""
    found = parsed(text)
    if found is None:
        return None
    return {"registry": found.registry, "repository": found.repository, "tag": found.tag, "digest": found.digest}


class TestWhyNotCacheable:
    """`why_not_cacheable`."""

    @pytest.mark.parametrize(
        "written",
        [
            "nginx",
            "ghcr.io/a/b",
            "quay.io/a/b",
            "mcr.microsoft.com/dotnet/sdk",
            "europe-docker.pkg.dev/p/r/i",
            "eu.gcr.io/a/b",
        ],
    )
    def test_is_none_for_what_acr_can_cache(self, written: str) -> None:
        """The upstreams that ACR knows."""
        assert why_not_cacheable(parse_reference(written)) is None

    @pytest.mark.parametrize(
        ("written", "word"),
        [
            ("localhost/app", "machine"),
            ("localhost:5000/app", "machine"),
            ("127.0.0.1:5000/app", "address"),
            ("192.168.0.1:5000/app", "address"),
            ("[fc00::1]:5000/app", "address"),
            ("registry:5000/app", "network"),
            (f"docker.io/{IMAGE_ID}", "image id"),
            ("contoso.azurecr.io/app", "azurecr.io"),
            ("registry.gitlab.com/a/b", "registry.gitlab.com"),
        ],
    )
    def test_says_why_a_valid_reference_can_be_no_source(self, written: str, word: str) -> None:
        """Valid and useless is not the same as invalid."""
        reason = why_not_cacheable(parse_reference(written))

        assert reason is not None
        assert word in reason

    @pytest.mark.parametrize(
        ("host", "acr"), [("contoso.azurecr.io", True), ("a.azurecr.cn", True), ("azurecr.io.evil", False)]
    )
    def test_knows_acr_in_every_cloud(self, host: str, acr: bool) -> None:
        """Public, China and US Government."""
        assert is_acr(host) is acr
