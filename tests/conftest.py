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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the sweeps that start Ray come one after the other where tests run side by side."""
    for item in items:
        if item.get_closest_marker("ray") is not None:
            item.add_marker(pytest.mark.xdist_group("ray"))


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's own store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SWEEPER_STORE", raising=False)
