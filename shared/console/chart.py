"""The pulls that are left, as a small drawing: what was seen, and the straight line to where it ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from shared.console.html import el
from shared.console.words import span
from shared.domain.counting import counted
from shared.domain.headroom import Level, Outlook, Reading

_WIDTH: Final = 300
_HEIGHT: Final = 60
_FEWEST: Final = 2


def in_words(readings: Sequence[Reading], outlook: Outlook, now: datetime) -> str:
    """What the readings say, in a sentence."""
    if not readings:
        return "Not looked at within six hours."
    last = readings[-1]
    if last.abuse:
        return "Docker Hub refuses requests for being too many, whatever the plan: pull less often for a while."
    if last.remaining is None or last.limit is None:
        return "Docker Hub names no limit: it is unlimited, or not known."
    left = f"{last.remaining:,} of {counted(last.limit, 'pull')} left"
    if outlook.level is Level.EXHAUSTED:
        return f"{left}. Docker Hub refuses more until the window has moved on."
    if outlook.empty_at is None:
        return f"{left}, and at this rate there will be some."
    off = span(outlook.uncertainty)
    return (
        f"{left}. At this rate none is left in {span(max(outlook.empty_at - now, timedelta(0)))}, give or take {off}."
    )


def sparkline(readings: Sequence[Reading], outlook: Outlook, said: str, *, is_tall: bool = False) -> Markup | None:
    """The drawing with `said` as its text; None when there is too little to draw."""
    known = [(reading.at, reading.remaining) for reading in readings if reading.remaining is not None]
    if len(known) < _FEWEST:
        return None
    end = outlook.empty_at or known[-1][0]
    length = max((end - known[0][0]).total_seconds(), 1.0)
    top = max(*(left for _, left in known), *(reading.limit or 0 for reading in readings), 1)

    def at(moment: datetime, left: int) -> str:
        across = (moment - known[0][0]).total_seconds() / length * _WIDTH
        return f"{across:.1f} {_HEIGHT - left / top * (_HEIGHT - 4):.1f}"

    points = [at(*point) for point in known]
    first, last = points[0].split()[0], points[-1].split()[0]
    line = "M" + " L".join(points)
    ahead = f"M{points[-1]} L{at(outlook.empty_at, 0)}" if outlook.empty_at else None
    return el(
        "svg",
        el("title", said),
        el("path", class_="area", d=f"{line} L{last} {_HEIGHT} L{first} {_HEIGHT} Z"),
        el("line", class_="base", x1=0, x2=_WIDTH, y1=_HEIGHT, y2=_HEIGHT),
        el("path", class_="line", d=line),
        el("path", class_="ahead", d=ahead) if ahead else None,
        class_="spark tall" if is_tall else "spark",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
    )
