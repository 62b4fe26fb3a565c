"""Fixed phrases as introductions, one reader per form in which a name can follow."""

import re

from shared.domain.diagnosis.names import (
    FAILED,
    SEEN,
    STARTED,
    Mention,
    Reader,
    is_a_name,
    name_at,
    with_spoken_tag,
)
from shared.domain.diagnosis.unwrapping import Text
from shared.domain.images import ImageReference, InvalidReference, parse_reference

_STAGE = re.compile(r"\bas ([\w.-]{1,64})\s{0,4}(?:$|\n)")
_FROM = re.compile(r"(?:--platform=\S{1,100} )?(?=[A-Za-z0-9\"'])")
_READING = re.compile(r"(\S{1,200}) in (?=[A-Za-z0-9])")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")
_TAG = re.compile(r"[A-Za-z0-9_][\w.-]{0,127}$", re.ASCII)
_PULLING_TAG = re.compile(r"([A-Za-z0-9_][\w.-]{0,127}): $", re.ASCII)
_QUERY_TAG = re.compile(r"[?&]tag=(sha256:[0-9a-f]{64}|[A-Za-z0-9_][\w.-]{0,127})", re.ASCII)
_FROM_HOST = re.compile(r" from ([a-z0-9.-]{1,255}(?::\d{1,5})?)")
_PUSHED_OR_COPIED_TO = ("http+", "https+", "destination", " to", "pushing")
_PULLED_FROM = ("source", "ref", "download", "pull", "pulling", "for", "from")


def name(weight: int, *, loose: bool = False) -> Reader:
    """A name, quoted or not, right after the words."""

    def read(text: Text, _start: int, end: int) -> Mention | None:
        found = name_at(text, end, loose=loose)
        return Mention(end, found[0], weight) if found is not None else None

    return read


def name_with_separator(weight: int) -> Reader:
    """A name that must have a slash, a tag or a digest, since a plain word can follow as well."""

    def read(text: Text, _start: int, end: int) -> Mention | None:
        found = name_at(text, end)
        if found is None or not is_a_name(text.plain[end : found[1]].strip("\"'`"), bare_allowed=False):
            return None
        return Mention(end, found[0], weight)

    return read


def after_solve(text: Text, _start: int, end: int) -> Mention | None:
    """BuildKit: `failed to solve: X: reason`; a reason alone has the same shape, so X must not be one of its words."""
    found = name_at(text, end)
    if found is None:
        return None
    reference, after = found
    raw = text.plain[end:after]
    if not raw.endswith(":") and after < len(text.plain):
        return None
    return Mention(end, reference, FAILED, heads=True) if is_a_name(raw, bare_allowed=True) else None


def after_from(text: Text, start: int, end: int) -> Mention | None:
    """A Dockerfile's FROM, in capitals; a stage that the same file names is no image."""
    if not text.plain.startswith("FROM ", start) or text.low[start - 1 : start].isalnum():
        return None
    gap = _FROM.match(text.plain, end)
    found = name_at(text, gap.end(), loose=True) if gap is not None else None
    if found is None or gap is None:
        return None
    raw = text.low[gap.end() : found[1]]
    if raw == "scratch" or raw in {stage[1] for stage in _STAGE.finditer(text.low)}:
        return None
    return Mention(gap.end(), found[0], STARTED)


def after_scheme(text: Text, start: int, end: int) -> Mention | None:
    """`docker://X` and `oci://X`; what a copy writes to is not what it reads."""
    before = text.low[max(0, start - 24) : start].rstrip(" \"'`")
    if before.endswith(_PUSHED_OR_COPIED_TO):
        return None
    found = name_at(text, end, loose=True)
    if found is None:
        return None
    return Mention(end, with_spoken_tag(text, found), FAILED if before.endswith(_PULLED_FROM) else SEEN)


def reading_manifest(text: Text, _start: int, end: int) -> Mention | None:
    """containers/image: `reading manifest TAG in HOST/NAME: reason`; a digest there was looked up by the client."""
    words = _READING.match(text.plain, end)
    found = name_at(text, words.end()) if words is not None else None
    if words is None or found is None:
        return None
    registry, repository = found[0].registry, found[0].repository
    if _DIGEST.match(words[1]):
        return Mention(words.end(), ImageReference(registry, repository, None, words[1]), FAILED, derived=True)
    tag = words[1] if _TAG.match(words[1]) else None
    return Mention(words.end(), ImageReference(registry, repository, tag), FAILED)


def pulling_from(text: Text, start: int, end: int) -> Mention | None:
    """Docker: `TAG: Pulling from PATH`, without the registry's name."""
    tag = _PULLING_TAG.search(text.plain, max(0, start - 132), start)
    found = name_at(text, end, loose=True)
    if tag is None or found is None or text.low.startswith("host ", end):
        return None
    return Mention(end, ImageReference(found[0].registry, found[0].repository, tag[1]), SEEN, path_only=True)


def create_request(text: Text, _start: int, end: int) -> Mention | None:
    """The engine's API: `/images/create?fromImage=X&tag=T`, in either order; the tag may be a digest."""
    found = name_at(text, end, loose=True)
    if found is None:
        return None
    reference, after = found
    tag = _QUERY_TAG.search(text.plain, max(0, end - 220), end) or _QUERY_TAG.match(text.plain, after)
    if tag is None or reference.tag is not None or reference.digest is not None:
        return Mention(end, reference, STARTED)
    named, digest = (None, tag[1]) if tag[1].startswith("sha256:") else (tag[1], None)
    return Mention(end, ImageReference(reference.registry, reference.repository, named, digest), STARTED)


def manifest_for(text: Text, start: int, end: int) -> Mention | None:
    """`manifest for X not found`, Jib's `manifest for PATH:TAG from HOST`; `no matching manifest for` has none."""
    found = name_at(text, end)
    if found is None or text.low.endswith("no matching ", 0, start):
        return None
    reference, after = found
    host = _FROM_HOST.match(text.plain, after)
    if host is None:
        return Mention(end, reference, FAILED, heads=True)
    try:
        return Mention(end, parse_reference(f"{host[1]}/{text.plain[end:after]}"), FAILED, heads=True)
    except InvalidReference:
        return None
