"""What the whole suite shares: tests that need something special, and state that must not leak."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres
from tests.postgres import any_store, postgres_server, postgres_store_url, postgres_url

__all__ = ["any_store", "postgres_server", "postgres_store_url", "postgres_url"]

# Machines are shared: how long an example takes says nothing about the law.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

REQUIRED = set(filter(None, os.environ.get("SWEEPER_REQUIRE", "").split(",")))


# Markers with the names of what they need, and whether it is there.
OPTIONAL: dict[str, Callable[[], bool]] = {
    "torch": lambda: importlib.util.find_spec("torch") is not None,
    "wandb": lambda: importlib.util.find_spec("wandb") is not None,
    "postgres": postgres.is_there,
    "browser": lambda: (
        importlib.util.find_spec("playwright") is not None and Path("/usr/bin/chromium").exists()
    ),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose library is not installed; fail it where it is required."""
    for name, is_there in OPTIONAL.items():
        if item.get_closest_marker(name) is None or is_there():
            continue
        if name in REQUIRED:
            pytest.fail(f"SWEEPER_REQUIRE lists {name}, but it is not installed")
        pytest.skip(f"{name} is not installed")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a set by its sorted members: each process of a parallel run must find the same names."""
    if isinstance(val, set | frozenset):
        return "{" + ", ".join(sorted(map(repr, val))) + "}"
    return None


def pytest_xdist_auto_num_workers() -> int:
    """Take one process more than cores: much of the suite waits for processes that it started."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Let the files that start Ray go to two workers, first; all other tests are for anybody.

    Two at a time: they mostly wait for processes to start, and one after the other they are longer
    than all the rest.

    By file: with pytest 9.2 xdist 3.8 does not see its own groups.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    folder = Path(__file__).parent
    with_ray = {
        file.relative_to(folder.parent).as_posix()
        for file in folder.rglob("test_*.py")
        if "pytest.mark.ray" in file.read_text(encoding="utf-8")
    }

    class TwoRaysAtATime(LoadScopeScheduling):  # type: ignore[misc,unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file not in with_ray:
                return nodeid
            return "ray, commands" if file.startswith("tests/cli/") else "ray, faults and pools"

    return TwoRaysAtATime(config, log)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's own store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SWEEPER_STORE", raising=False)
