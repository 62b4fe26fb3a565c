"""Numbers of things, for sentences."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number and its word: `1 image`, `3 images`, `1,000 pulls`; `many` where an s does not make it."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
