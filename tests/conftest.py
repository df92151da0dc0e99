"""What the whole suite shares: tests that need something special, and state that must not leak."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

REQUIRED = set(filter(None, os.environ.get("SWEEPER_REQUIRE", "").split(",")))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that needs PyTorch where there is none; fail it where it is required."""
    if item.get_closest_marker("torch") is None or importlib.util.find_spec("torch"):
        return
    if "torch" in REQUIRED:
        pytest.fail("SWEEPER_REQUIRE lists torch, but it is not installed")
    pytest.skip("PyTorch is not installed")


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's own store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SWEEPER_STORE", raising=False)
