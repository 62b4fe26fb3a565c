"""The key file, and what keys open."""

import threading
from pathlib import Path

import pytest

from sandbox.host.errors import HostConfigurationError
from sandbox.host.keys import HostKeys, KeyLevel, load_keys

KEYS = HostKeys(master="m", function="f", eventgrid_extension="e", functions={"Work": "w"})


class TestLevels:
    """What a key is worth."""

    @pytest.mark.parametrize(
        ("key", "function", "expected"),
        [
            ("m", "", KeyLevel.ADMIN),
            ("e", "", KeyLevel.SYSTEM),
            ("f", "any", KeyLevel.FUNCTION),
            ("w", "work", KeyLevel.FUNCTION),
            ("w", "other", KeyLevel.ANONYMOUS),
            ("", "other", KeyLevel.ANONYMOUS),
            ("x", "work", KeyLevel.ANONYMOUS),
            ("ü", "work", KeyLevel.ANONYMOUS),
        ],
    )
    def test_level(self, key: str, function: str, expected: KeyLevel) -> None:
        """A function's own key opens that function only; no key and unknown ones open nothing."""
        assert KEYS.level(key, function) is expected


class TestFile:
    """Where they are kept."""

    def test_made_once(self, tmp_path: Path) -> None:
        """The first load makes random keys in a file for its owner only; later ones read them."""
        path = tmp_path / "new" / "keys.json"
        keys = load_keys(path)

        assert load_keys(path) == keys
        assert len({keys.master, keys.function, keys.eventgrid_extension}) == 3
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(path.parent.iterdir()) == [path]

    def test_made_by_many_at_once(self, tmp_path: Path) -> None:
        """Hosts that start at the same time end up with the same keys."""
        barrier = threading.Barrier(8)
        found: list[HostKeys] = []

        def load() -> None:
            barrier.wait()
            found.append(load_keys(tmp_path / "keys.json"))

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len({keys.master for keys in found}) == 1

    def test_not_keys(self, tmp_path: Path) -> None:
        """A file that holds something else is an error, and is not overwritten."""
        path = tmp_path / "keys.json"
        path.write_text("{}")

        with pytest.raises(HostConfigurationError, match="does not hold keys"):
            load_keys(path)
        assert path.read_text() == "{}"
