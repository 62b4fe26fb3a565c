"""Answers that are no JSON."""

import msgspec


class Document(msgspec.Struct, frozen=True):
    """A text and what it is: `application/yaml`, `application/toml`."""

    media_type: str
    text: str
