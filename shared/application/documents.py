"""Answers that are not a use case's own: texts that are no JSON, and the one form of errors."""

import msgspec


class Document(msgspec.Struct, frozen=True):
    """A text and what it is: `application/yaml`, `application/toml`."""

    media_type: str
    text: str


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, where, and what was expected (RFC 9457).

    Attributes:
        type: `urn:cachewarden:error:<code>`.
        title: the kind of error, in a few words.
        detail: what was found and what was expected.
        code: the error's code; docs/reference/errors.md lists them.
        hint: what somebody can do about it.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
