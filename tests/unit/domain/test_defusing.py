"""Text from logs on its way to people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.defusing import as_mrkdwn, defused, one_line, several_lines


class TestDefused:
    """Links, mentions and what is hidden."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("see https://evil.example/x", "see https[:]//evil.example/x"),
            ("HTTP://evil.example ms-word://x", "HTTP[:]//evil.example ms-word[:]//x"),
            ("www.evil.example", "www[.]evil.example"),
            ("JavaScript:alert(1) mailto:a", "JavaScript[:]alert(1) mailto[:]a"),
            ("@channel a@b.example", "@\u2060channel a@\u2060b.example"),
            (
                "<!channel> <@U1> <#C1> <@&1> <users/all>",
                "<\u2060!channel> <\u2060@\u2060U1> <\u2060#C1> <\u2060@&1> <\u2060users/all>",
            ),
            ("[click](x) [a][b]", "[click]\u2060(x) [a]\u2060[b]"),
            ("a\u202eb\u200bc\x00d\u2028e", "a b c d e"),
            ("ht\u2060tps://evil.example", "https[:]//evil.example"),
        ],
    )
    def test_harmless(self, text: str, expected: str) -> None:
        """What a reader sees is what stands there."""
        assert defused(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "contoso.azurecr.io/docker-hub/library/nginx:1.27",
            "docker.io/library/nginx@sha256:" + "6f" * 32,
            'images:\n  - name: nginx\n    newTag: "1.27"',
            "kubectl set image deployment/web '<container>=a.azurecr.io/x:1' -n shop",
            "429 Too Many Requests - Server message: toomanyrequests",
        ],
    )  # fmt: skip
    def test_what_people_copy_stays(self, text: str) -> None:
        """References, digests, YAML and commands come through byte for byte."""
        assert several_lines(text, 1000) == text

    @given(st.text())
    def test_twice_is_once(self, text: str) -> None:
        """Nothing new comes into being by defusing."""
        assert defused(defused(text)) == defused(text)

    @given(st.text(), st.integers(min_value=1, max_value=50))
    def test_lengths(self, text: str, longest: int) -> None:
        """One line is one line and not longer than it may be; several lines neither."""
        line = one_line(text, longest)

        assert len(line) <= longest
        assert len(line.splitlines()) <= 1
        assert len(several_lines(text, longest)) <= longest

    @given(st.text())
    def test_mrkdwn_has_no_control_characters(self, text: str) -> None:
        """Slack's three are entities, and reading them gives the text back."""
        escaped = as_mrkdwn(text)

        assert not set(escaped) & {"<", ">"}
        assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text
