"""The fake ``libnvidia-ml.so.1`` on which unmodified pynvml runs; nvml.c documents it.

``build`` compiles it, ``FakeGpus`` says what its GPUs draw. Start a process with the library's
folder on ``LD_LIBRARY_PATH``: the loader reads that variable only once.
"""

from __future__ import annotations

from sweeper.testing.fake_nvml.gpus import FakeGpus
from sweeper.testing.fake_nvml.library import build

__all__ = ["FakeGpus", "build"]
