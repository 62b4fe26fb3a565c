"""Categories and levels of the host's log."""

import io
import logging
import threading
from collections.abc import Iterator

import pytest

from sandbox.host.correlation import Invocation, current_invocation, running
from sandbox.host.logs import configure_logging


@pytest.fixture
def root() -> Iterator[None]:
    """Let no logger have a level of its own, which the app sets for the whole process, and put all back as it was."""
    logger = logging.getLogger()
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    handlers, levels = logger.handlers[:], [(each, each.level) for each in (logger, *named)]
    for each in named:
        each.setLevel(logging.NOTSET)
    yield
    logger.handlers[:] = handlers
    for each, level in levels:
        each.setLevel(level)


def lines(levels: dict[str, str], *logged: tuple[str, int, bool]) -> list[str]:
    """Log to the named loggers, inside an invocation or not; what of it is written, without the time."""
    stream = io.StringIO()
    configure_logging(levels, stream=stream)
    for name, level, is_inside in logged:
        if is_inside:
            with running(Invocation("work", "id-1")):
                logging.getLogger(name).log(level, "m")
        else:
            logging.getLogger(name).log(level, "m")
    return [" ".join(line.split()[1:]) for line in stream.getvalue().splitlines()]


@pytest.mark.usefixtures("root")
class TestLog:
    """What is written, and how."""

    def test_categories(self) -> None:
        """The app's lines are the function's user lines with the invocation's id; the host's lines keep their name."""
        found = lines({}, ("app.module", logging.INFO, True), ("Host.Startup", logging.WARNING, False))

        assert found == ["INFO Function.work.User id-1 m", "WARNING Host.Startup - m"]

    def test_longest_category_decides(self) -> None:
        """`logging.logLevel` is matched by the longest prefix, whatever the case."""
        levels = {"default": "Error", "function": "Information", "function.work.user": "None"}
        found = lines(
            levels,
            ("Host.Startup", logging.WARNING, False),
            ("Function.work", logging.INFO, True),
            ("app", logging.CRITICAL, True),
        )

        assert found == ["INFO Function.work id-1 m"]

    def test_libraries_of_the_host_are_quiet(self) -> None:
        """The SDK's request log is only heard inside an invocation, where the app made the request."""
        sdk = "azure.core.pipeline.policies.http_logging_policy"
        found = lines(
            {}, (sdk, logging.INFO, False), (sdk, logging.INFO, True), ("azure.functions", logging.INFO, True)
        )

        assert found == ["INFO Function.work.User id-1 m"]

    def test_thread_without_invocation(self) -> None:
        """A thread that the app starts itself belongs to no invocation."""
        seen: list[Invocation | None] = []
        with running(Invocation("work", "id-1")):
            thread = threading.Thread(target=lambda: seen.append(current_invocation()))
            thread.start()
            thread.join()
            assert current_invocation() == Invocation("work", "id-1")

        assert seen == [None]
        assert current_invocation() is None
