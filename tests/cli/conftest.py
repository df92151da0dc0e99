"""Fixtures of the command line: a project in a folder of its own, and a lab of two people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.lab import lab
from tests.cli.project import HELPER, SWEEP, TRAIN, Project

__all__ = ["lab", "project"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a small project that sweeps without Ray."""
    made = Project(tmp_path / "project", tmp_path / "state")
    made.write("train.py", TRAIN)
    made.write("helper.py", HELPER)
    made.write("sweep.yaml", SWEEP)
    return made
