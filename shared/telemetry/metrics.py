"""Recording metrics, with labels that nobody outside can multiply.

A label's value is one of a closed set, or a name that the policy or the code declares when the app is put together.
Anything else becomes `other`: whoever writes into a log makes no time series.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import Any

from shared.telemetry.correlation import is_set_up
from shared.telemetry.instruments import Instrument, Kind, Label
from shared.telemetry.names import Outcome, outcome_of

OTHER = "other"

_declared: dict[str, frozenset[str]] = {}


def declare(**names: Iterable[str]) -> None:
    """Say which values a label may have whose values are the policy's: `declare(credential=policy.credentials)`."""
    for label, values in names.items():
        _declared[label] = _declared.get(label, frozenset()) | frozenset(values)


def count(instrument: Instrument, **labels: str) -> None:
    """One more."""
    observe(instrument, 1, **labels)


def observe(instrument: Instrument, value: float, **labels: str) -> None:
    """Record a value; the labels are the instrument's own, each with a value."""
    if not is_set_up():
        return
    record = _recorder(instrument)
    record(value, {f"cachewarden.{label.name}": _bounded(label, labels[label.name]) for label in instrument.labels})


@contextmanager
def counted(instrument: Instrument, **labels: str) -> Iterator[None]:
    """Count what is done inside, with its `outcome`."""
    try:
        yield
    except BaseException as error:
        count(instrument, outcome=outcome_of(error), **labels)
        raise
    count(instrument, outcome=Outcome.OK, **labels)


@contextmanager
def timed(instrument: Instrument, **labels: str) -> Iterator[None]:
    """Record how many seconds what is done inside takes, with its `outcome`."""
    began = perf_counter()
    try:
        yield
    except BaseException as error:
        observe(instrument, perf_counter() - began, outcome=outcome_of(error), **labels)
        raise
    observe(instrument, perf_counter() - began, outcome=Outcome.OK, **labels)


def _bounded(label: Label, value: str) -> str:
    values = _declared.get(label.name, frozenset()) if label.values is None else label.values
    return str(value) if value in values else OTHER


@cache
def _recorder(instrument: Instrument) -> Any:
    """What records into an instrument: the SDK's, once there is one."""
    from opentelemetry.metrics import get_meter

    meter = get_meter("cachewarden")
    match instrument.kind:
        case Kind.COUNTER:
            return meter.create_counter(instrument.name, instrument.unit, instrument.about).add
        case Kind.GAUGE:
            return meter.create_gauge(instrument.name, instrument.unit, instrument.about).set
        case Kind.HISTOGRAM:
            return meter.create_histogram(
                instrument.name,
                instrument.unit,
                instrument.about,
                explicit_bucket_boundaries_advisory=instrument.buckets,
            ).record
