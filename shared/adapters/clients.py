"""Options that every SDK client is made with, so that no client waits for minutes or introduces itself differently.

The trap: azure-core's defaults (300 s to connect and to read, three retries with a growing wait, and a sleep for
whatever `Retry-After` says) outlive the lease under which a worker runs, and the five seconds of an alert.
"""

from typing import Any

from shared.version import VERSION

STORAGE_DEADLINE_S = 3.0
"""Seconds for one storage operation, retry included: an alert must be answered in five, also when storage hangs."""


def introduction(name: str) -> dict[str, Any]:
    """The option by which requests name who sends them: the app, or a person's command."""
    return {"user_agent": f"{name}/{VERSION}"}


def client_options() -> dict[str, Any]:
    """Options for ARM, Log Analytics, ACR and Event Grid: patient enough for a slow query, three tries in all."""
    return {
        **introduction("cachewarden"),
        "connection_timeout": 5,
        "read_timeout": 60,
        "retry_total": 2,
        "retry_connect": 2,
        "retry_read": 1,
        # A status is not retried here: `Retry-After` may ask for minutes, and the message's next delivery waits better.
        "retry_status": 0,
        "retry_backoff_factor": 0.2,
        "retry_backoff_max": 2,
    }


def storage_options() -> dict[str, Any]:
    """Options for tables and queues: one more try on a broken connection, none on a status, nothing slower than 2 s.

    A read timeout of 2 s is many times what a single entity takes; `STORAGE_DEADLINE_S` bounds both tries together.
    """
    return client_options() | {
        "connection_timeout": 1,
        "read_timeout": 2,
        "retry_total": 1,
        "retry_connect": 1,
        "retry_read": 1,
    }
