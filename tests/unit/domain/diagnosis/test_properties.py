"""What holds for every text: a diagnosis without an exception, the same through any wrapping, within its bounds."""

import json
import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.diagnosis import Cause, Diagnosis, diagnose
from tests.fixtures.failure_texts import ACCOUNT, ANONYMOUS, EITHER, LIMITED_TEMPO, kubelet, refused_get, refused_head

FRAGMENTS = (
    *("toomanyrequests", "429", "Too Many Requests", "pull rate limit", "You have reached", " - Server message: "),
    *('image "', "image: ", "docker pull ", "Failed to pull ", "reading manifest ", " in ", "manifest for ", "FROM "),
    *("docker://", "oci://", "https://registry-1.docker.io/v2/", "/manifests/", "/blobs/", "/tags/list", "fromImage="),
    *(
        "sha256:",
        "4bc1" * 16,
        "@",
        ":",
        "/",
        '"',
        "'",
        "`",
        "\\",
        '\\"',
        "\\n",
        "\n",
        "\r\n",
        "\t",
        " ",
        "%2F",
        "&quot;",
    ),
    *(
        "nginx",
        "library/nginx",
        "docker.io",
        "contoso.azurecr.io",
        ":1.27",
        "***",
        "<",
        ">",
        "$",
        "{",
        "(",
        ")",
        "[",
        "](",
    ),
    *("#3 ", " as ", "for cache rule '", "token is expired", "not found", "x509:", "push", "\x1b[31m", "[0m", "…", "“"),
)
hostile = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=60).map("".join)

names = st.from_regex(r"[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,6}){0,2}", fullmatch=True)
namespaces = st.from_regex(r"[a-z][a-z0-9]{1,8}(?:-[a-z0-9]{1,6}){0,2}", fullmatch=True)  # a dot would make it a host
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}[A-Za-z0-9_]", fullmatch=True)


@st.composite
def limited(draw: st.DrawFn) -> tuple[str, str]:
    """A refused pull from Docker Hub as containerd words it, and the image that was refused."""
    path = f"{draw(namespaces)}/{draw(names)}"
    tag = draw(tags)
    image = f"docker.io/{path}:{tag}"
    reason = draw(
        st.sampled_from([refused_get(path, said) for said in (ANONYMOUS, EITHER, ACCOUNT)] + [refused_head(image)])
    )
    return kubelet(f"{path}:{tag}", image, reason), image


def folded(text: str, width: int, indent: str) -> str:
    """The text broken between words once a line is as wide, as YAML does."""
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + len(word) >= width and line:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return f"\n{indent}".join([*lines, line])


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "JSON": lambda text: json.dumps({"Log_s": text, "Reason_s": "Failed"}),
    "JSON twice": lambda text: json.dumps({"log": json.dumps({"message": text})}),
    "JSON, ASCII escapes": lambda text: json.dumps(text).replace("<", "\\u003c").replace('\\"', "\\u0022"),
    "colours": lambda text: "\x1b[31m" + re.sub(r" (\w)", "\x1b[0m \x1b[1;33m\\1", text) + "\x1b[0m",
    "colours without their escape": lambda text: "[31m" + text.replace(" Server", "[0m Server") + "[0m",
    "a timestamp": lambda text: "2026-04-01T10:00:00.1234567Z stderr F " + text,
    "a log line": lambda text: (
        f"Apr  1 10:00:00 node-1 kubelet[812]: E0401 10:00:00.123456     812 remote.go:55] {text}"
    ),
    "Windows lines": lambda text: f"before\r\n{text}\r\nafter\r\n",
    "a quotation": lambda text: f"> {text}",
    "a fence": lambda text: f"```\n{text}\n```",
    "bold": lambda text: f"**{text}**",
    "HTML": lambda text: f"<td>{text.replace('"', '&quot;')}</td>",
    "a table": lambda text: f"| pod | message |\n|---|---|\n| tempo-0 | {text} |",
    "typographic quotes": lambda text: re.sub('"([^"]*)"', "\u201c\\1\u201d", text),
    "YAML": lambda text: f"message: '{folded(text, 78, '          ')}'",
    "narrow YAML": lambda text: f"message: '{folded(text, 40, '  ')}'",
    "describe": lambda text: f"  Warning  Failed     12s (x3 over 40s)   kubelet            {text}",
}


def seen(diagnosis: Diagnosis) -> tuple[object, ...]:
    """What must not depend on the wrapping."""
    return diagnosis.cause, diagnosis.rate_limited, str(diagnosis.image), diagnosis.limit, diagnosis.cache_rule


class TestAnyText:
    """Texts that nobody would write but an attacker."""

    @given(hostile)
    def test_has_a_diagnosis(self, text: str) -> None:
        """No text raises, and what comes back keeps its promises."""
        found = diagnose(text)

        assert len(found.evidence) <= 500
        assert 0 <= found.span[0] <= found.span[1] <= len(found.evidence)
        assert not (
            found.rate_limited and found.cause in {Cause.KUBELET_THROTTLED, Cause.AZURE_THROTTLED, Cause.UNKNOWN}
        )
        assert found.image is None or found.image.repository == found.image.repository.lower()

    @given(st.text(max_size=400))
    def test_of_any_characters_has_a_diagnosis(self, text: str) -> None:
        """Surrogates, controls and right-to-left marks are characters too."""
        diagnose(text)

    @given(hostile)
    def test_says_the_same_twice(self, text: str) -> None:
        """A diagnosis depends on the text alone."""
        assert diagnose(text) == diagnose(text)

    @given(st.integers(min_value=0, max_value=len(LIMITED_TEMPO)))
    def test_cut_anywhere_never_names_another_image(self, end: int) -> None:
        """What is left of a name is either the name or nothing."""
        found = diagnose(LIMITED_TEMPO[:end])

        assert found.image is None or found.image.source == "docker.io/grafana/tempo"


class TestWrapping:
    """The same text in whatever carried it."""

    @given(limited(), st.sampled_from(sorted(WRAPPINGS)))
    def test_changes_nothing(self, made: tuple[str, str], wrapping: str) -> None:
        """Cause, image and limit are those of the bare text."""
        text, image = made

        assert seen(diagnose(WRAPPINGS[wrapping](text))) == seen(diagnose(text))
        assert str(diagnose(text).image) == image

    @given(
        limited(), st.lists(st.sampled_from(["a timestamp", "colours", "JSON", "a quotation", "describe"]), max_size=3)
    )
    def test_changes_nothing_one_in_the_other(self, made: tuple[str, str], wrappings: list[str]) -> None:
        """A log line in JSON in a report is read all the same."""
        text, _ = made
        wrapped = text
        for wrapping in wrappings:
            wrapped = WRAPPINGS[wrapping](wrapped)

        assert seen(diagnose(wrapped)) == seen(diagnose(text))

    @given(limited(), st.integers(min_value=60, max_value=160))
    def test_a_terminals_breaks_within_words_change_neither_cause_nor_image(
        self, made: tuple[str, str], width: int
    ) -> None:
        """A terminal breaks a line wherever it is full."""
        text, _ = made
        broken = "\n".join(text[at : at + width] for at in range(0, len(text), width))

        assert seen(diagnose(broken))[:3] == seen(diagnose(text))[:3]
