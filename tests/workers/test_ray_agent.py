"""Energy agents beside real pools, on a stand-in for NVIDIA's library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.testing.fake_nvml import build

ROOT = Path(__file__).parents[2]


@pytest.mark.ray
def test_pools_hold_their_cases_on_the_fake_library(tmp_path: Path) -> None:
    """All of on_fake_gpu.py passes in a process that loads the fake: Ray finds its one GPU."""
    cases = Path(__file__).with_name("on_fake_gpu.py")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", cases],
        cwd=ROOT,
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(build(tmp_path).parent),
            "FAKE_NVML_WATTS": "300",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout
