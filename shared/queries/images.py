"""Images that run, whether or not they ever failed: what a first policy is proposed from."""

from collections.abc import Sequence

from shared.domain.proposal.found import SeenImage
from shared.queries.reading import reference
from shared.queries.rows import Row, count, moment, text
from shared.queries.source import LogSource

CONTAINER_IMAGES = LogSource("container_images", ("ContainerInventory",), lambda _rows: [])
"""Says what runs, never what failed: its rows are read by `seen_images`."""


def seen_images(rows: Sequence[Row]) -> list[SeenImage]:
    """The images in the rows; what is no reference is left out."""
    found = []
    for row in rows:
        image = reference(text(row, "Reference"))
        if image is not None:
            found.append(
                SeenImage(image, text(row, "Resource").lower(), count(row, "Containers"), moment(row, "LastSeen"))
            )
    return found
