"""Introductions: the words that runtimes and tools put before an image's name, each with the form that follows."""

from shared.domain.diagnosis.commands import after_pull
from shared.domain.diagnosis.image_words import after_image
from shared.domain.diagnosis.names import FAILED, SEEN, STARTED, Reader
from shared.domain.diagnosis.phrases import (
    after_from,
    after_scheme,
    after_solve,
    create_request,
    manifest_for,
    name,
    name_with_separator,
    pulling_from,
    reading_manifest,
)

type Introduction = tuple[str, Reader]

INTRODUCTIONS: tuple[tuple[str, tuple[Introduction, ...]], ...] = (
    ("image", (("image", after_image),)),
    ("pull", (("pull", after_pull), ("pulling from ", pulling_from))),
    (
        "resolve ",
        (
            ("reference ", name(FAILED)),
            ("resolve ref ", name(FAILED)),
            ("failed to resolve ", name_with_separator(FAILED)),
        ),
    ),
    ("failed to solve: ", (("failed to solve: ", after_solve),)),
    (
        " for ",
        (
            ("source metadata for ", name(FAILED)),
            ("load metadata for ", name(STARTED, loose=True)),
            ("manifest for ", manifest_for),
            ("access denied for ", name(FAILED)),
            ("inspect failed for ", name(FAILED)),
        ),
    ),
    ("from", (("from ", after_from), ("--from=", name_with_separator(STARTED)), ("fromimage=", create_request))),
    ("ing manifest ", (("reading manifest ", reading_manifest), ("fetching manifest ", name(FAILED)))),
    ("docker://", (("docker://", after_scheme),)),
    ("oci://", (("oci://", after_scheme),)),
    (" value", (("flag value ", name(FAILED)), ("invalid value: ", name_with_separator(FAILED)))),
    ("lookup failed: ", (("lookup failed: ", name(FAILED)),)),
    ("returned null: ", (("inspect image returned null: ", name(FAILED)),)),
    ("signing [", (("signing [", name(FAILED)),)),
    ("docker hub: ", (("docker hub: ", name(STARTED)),)),
    ("repository", (("refers to repository [", name(SEEN)), ("repository=", name_with_separator(SEEN)))),
    ("--source ", (("--source ", name_with_separator(SEEN)),)),
    ("`", (("`", name_with_separator(SEEN)),)),
)
"""By a part that all introductions of a group contain: most texts are done with most groups after one search."""
