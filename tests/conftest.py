"""What the whole suite shares: tests that need something special, and state that must not leak."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are shared: how long an example takes says nothing about the law.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

REQUIRED = set(filter(None, os.environ.get("SWEEPER_REQUIRE", "").split(",")))


OPTIONAL = ("torch", "wandb")  # markers with the names of what they need


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose library is not installed; fail it where it is required."""
    for name in OPTIONAL:
        if item.get_closest_marker(name) is None or importlib.util.find_spec(name):
            continue
        if name in REQUIRED:
            pytest.fail(f"SWEEPER_REQUIRE lists {name}, but it is not installed")
        pytest.skip(f"{name} is not installed")


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's own store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SWEEPER_STORE", raising=False)
