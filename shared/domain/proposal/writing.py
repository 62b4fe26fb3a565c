"""The file: YAML that people read first and machines after, every value quoted where it could be taken for another.

Names come from logs and from other people's rules. A value is written as JSON writes it, which YAML reads the same; a
remark is one line whatever is in it, so that nothing gets out of a comment.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from shared.domain.counting import counted
from shared.domain.proposal.model import Proposal, ProposedCredential, ProposedRegistry, ProposedUpstream, Remarked

_PLAIN: Final = re.compile(r"[A-Za-z/](?:[A-Za-z0-9_./()-]*[A-Za-z0-9_)])?")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_LONGEST_REMARK: Final = 200
_COLUMN: Final = 44


def policy_file(proposal: Proposal) -> str:
    """The whole file."""
    return "\n".join(_lines(proposal)) + "\n"


def _lines(proposal: Proposal) -> Iterator[str]:
    yield "# Proposed by `cachewarden import` from what is there. It only looks (mode observe): read it, take out what"
    yield "# should not be cached, and say `cachewarden policy check` before you deploy it. Keys: docs/policy.md."
    for remark in proposal.remarks:
        yield comment(remark)
    yield "version: 1"
    yield "mode: observe                       # observe: plan and tell · approve: a person agrees first · enforce"
    yield "registries:"
    for registry in proposal.registries:
        yield from _registry(registry)
    if proposal.workspaces:
        yield "sources:"
        yield f"  workspaces: [{', '.join(map(quoted, proposal.workspaces))}]"
    else:
        yield "# sources: {workspaces: [...]}      # none was asked; name those in which failed pulls are logged"
    yield "upstreams:"
    for upstream in proposal.upstreams:
        yield from _upstream(upstream)
    if proposal.credentials:
        yield "credentials:"
        for credential in proposal.credentials:
            yield from _credential(credential)
    yield "# notifications: who is told what; docs/notifications.md"


def _registry(registry: ProposedRegistry) -> Iterator[str]:
    yield f"  {comment(registry.remark)}"
    yield f"  - id: {scalar(registry.id)}"
    if registry.serves:
        yield "    serves:"
        for one in registry.serves:
            yield _remarked("      - ", one)
    else:
        yield "    # serves: nobody is known to pull from it, so it serves everything"


def _upstream(upstream: ProposedUpstream) -> Iterator[str]:
    yield f"  {scalar(upstream.host)}:"
    for remark in upstream.remarks:
        yield f"    {comment(remark)}"
    yield _remarked("    target: ", upstream.target)
    yield "    granularity: repository"
    if upstream.allow:
        yield "    allow:"
        for one in upstream.allow:
            yield _remarked("      - ", one, always=True)
    else:
        yield "    allow: []                       # nothing was seen; without patterns no rule is ever made"
    if upstream.left_out:
        more = counted(upstream.left_out, "more repository that was", "more repositories that were")
        yield f"      # and {more} seen; list them, or a pattern for them"
    if upstream.credential is not None:
        yield _remarked("    credential: ", upstream.credential)


def _credential(credential: ProposedCredential) -> Iterator[str]:
    yield f"  {comment(credential.remark)}"
    yield f"  {scalar(credential.name)}:"
    yield "    provider: assisted              # a person pastes new tokens; docs/rotation.md has the other ways"
    yield f"    vault: {quoted(credential.vault)}"
    yield f"    username_secret: {quoted(credential.username_secret)}"
    yield f"    token_secret: {quoted(credential.token_secret)}"


def _remarked(start: str, one: Remarked, *, always: bool = False) -> str:
    line = start + (quoted(one.value) if always else scalar(one.value))
    return f"{line:<{_COLUMN}} {comment(one.remark)}" if one.remark else line


def scalar(value: str) -> str:
    """A value, bare where YAML can take it for nothing but this text."""
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else quoted(value)


def quoted(value: str) -> str:
    """A value in double quotes, in ASCII, as JSON and YAML read it alike."""
    return json.dumps(value)


def comment(text: str) -> str:
    """A comment of one line; what is not printable, line breaks of any kind included, becomes a space."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"# {line if len(line) <= _LONGEST_REMARK else line[: _LONGEST_REMARK - 1] + '…'}"
