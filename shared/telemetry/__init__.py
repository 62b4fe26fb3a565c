"""Telemetry: structured logs, spans and metrics, tied together by the ids of what is being worked on.

Logs are always written. Spans and metrics are made where somebody has set OpenTelemetry up, which in Azure is the
Functions worker, and cost nothing elsewhere.
"""

from shared.telemetry.correlation import bind
from shared.telemetry.logs import Logger, configure, get_logger

__all__ = ["Logger", "bind", "configure", "get_logger"]
