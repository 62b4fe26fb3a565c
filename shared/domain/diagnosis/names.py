"""Names: what stands where a text is about to name an image.

Most words in a log look like image names to Docker's grammar (`nginx`, `error`, `kube-proxy/v2.11.19`), so a name counts
only after words that a runtime puts before one. Names of build stages and compose services, masked names (`***`,
`<registry>`) and names that were cut off are no mentions.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import ImageReference, InvalidReference, parse_reference

FAILED, STARTED, SEEN = 3, 2, 1
"""How much a mention says: this pull failed; this pull was started; the name occurs."""

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_QUOTES = "\"'`"
_MASKS = "*<>${}?()"
_CUT_DIGEST = re.compile(r"@(?:sha256?:?[0-9a-f]{0,64}|sha\d{0,3}|s|sh)?$")
_BREAK_IN_NAME = re.compile(r"\n[ \t#>|]{0,16}")


class Mention(NamedTuple):
    """A place where a text names an image.

    Attributes:
        start: where the name stands.
        reference: what it names.
        weight: `FAILED`, `STARTED` or `SEEN`.
        heads: whether the words before it begin a message, so that all that follows is about this image.
        path_only: whether the registry is left out, as Docker does in `latest: Pulling from team/app`.
        derived: whether the digest is one that the client looked up, not one that was asked for.
    """

    start: int
    reference: ImageReference
    weight: int
    heads: bool = False
    path_only: bool = False
    derived: bool = False


def name_at(text: Text, position: int, *, loose: bool = False) -> tuple[ImageReference, int] | None:
    """The reference that stands at a position, after an opening quote if there is one, and where it ends.

    A quoted name counts only with its closing quote: without one it was cut off. An unquoted one that reaches the end of
    the text counts only when `loose`; else it keeps its repository if a tag shows that the repository is complete.
    """
    plain = text.plain
    quote = plain[position : position + 1]
    if quote and quote in _QUOTES:
        return _quoted(plain, position + 1, quote)
    match = _TOKEN.match(plain, position)
    if match is None:
        return None
    raw, end = match[0], match.end()
    if plain[end : end + 1] in _MASKS and end < len(plain) and not _is_finished(raw, plain, end):
        return _shortened(raw, end)
    name = raw.rstrip(".:/-_@")
    if end == len(plain) and not loose and len(name) == len(raw):
        return _shortened(raw, end, drop_tag=True)
    reference = _parse(name)
    return (reference, end) if reference is not None else _shortened(raw, end)


def _is_finished(raw: str, plain: str, end: int) -> bool:
    """Whether what follows is punctuation and not a mask: `nginx:1.27)`, `nginx:1.27?`."""
    following = plain[end]
    if following in ")(":
        return True
    if following == "*":  # Markdown's emphasis ends; three are a mask
        stars = len(plain[end : end + 4]) - len(plain[end : end + 4].lstrip("*"))
        return stars < 3 and not plain[end + stars : end + stars + 1].isalnum() and raw[-1] not in ".:/-_@"
    return following == "?" and "@" not in raw and not plain[end + 1 : end + 2].isalnum() and raw[-1] not in ".:/-_@"


def _quoted(plain: str, position: int, quote: str) -> tuple[ImageReference, int] | None:
    for scheme in ("docker://", "oci://"):
        if plain.startswith(scheme, position):
            position += len(scheme)
    match = _TOKEN.match(plain, position)
    if match is None:
        return None
    raw, end = match[0], match.end()
    if plain.startswith("\n", end) and (gap := _BREAK_IN_NAME.match(plain, end)) is not None:
        rest = _TOKEN.match(plain, gap.end())
        if rest is not None:
            raw, end = raw + rest[0], rest.end()
    if not plain.startswith(quote, end):
        return _shortened(raw, end) if plain.startswith("?", end) else None
    reference = _parse(raw)
    return (reference, end + 1) if reference is not None else None


def _shortened(raw: str, end: int, *, drop_tag: bool = False) -> tuple[ImageReference, int] | None:
    """A name whose digest somebody shortened, or whose tag may be cut: what stands before it is complete."""
    name = _CUT_DIGEST.sub("", raw)
    if drop_tag and name == raw:
        head, colon, tag = raw.rpartition(":")
        if not colon or "/" in tag or "@" in raw:
            return None
        name = head
    if name == raw and not drop_tag:
        return None
    reference = _parse(name)
    return (reference, end) if reference is not None else None


@lru_cache(maxsize=2048)
def _parse(name: str) -> ImageReference | None:
    try:
        reference = parse_reference(name)
    except InvalidReference:
        return None
    written = name[: len(reference.registry)]
    if written != written.lower() or reference.registry != reference.registry.lower():
        label = name.partition("/")[0].partition(".")[0]
        if label != label.lower():
            return None  # a placeholder that a person put in: MYREGISTRY.azurecr.io, ACCOUNT/app
    return reference
