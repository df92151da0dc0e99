"""The process that keeps a GPU busy: ``python -m sweeper.energy.validation.load [torch|cupy]``.

Reads one JSON object a line, each a ``Work``; answers each with a line when it is done. Multiplies
square matrices in bf16 (CuPy: fp16) and synchronises the device at both edges, for kernels are only
queued when a call returns. Imports PyTorch or CuPy, whichever there is.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

from sweeper.energy.validation.work import LoadFailed, Work

__all__ = ["main"]

KINDS = ("torch", "cupy")
AUTO = "auto"

# Kernels that are queued between two looks at the clock take about this long.
_BATCH_S = 1e-3
_WARM_UP = 20


class Gemm(Protocol):
    """Multiplies matrices on the GPU."""

    name: str

    def multiply(self, size: int, count: int) -> None:
        """Queue so many products."""

    def synchronise(self) -> None:
        """Wait for all that is queued."""


class TorchGemm:
    """PyTorch's."""

    def __init__(self) -> None:
        self._torch = import_module("torch")
        if not self._torch.cuda.is_available():
            raise LoadFailed("PyTorch is installed, and finds no CUDA device")
        self.name = f"PyTorch {self._torch.__version__}, bf16"
        self._matrices: dict[int, Any] = {}

    def multiply(self, size: int, count: int) -> None:
        """Queue so many products."""
        if size not in self._matrices:
            self._matrices[size] = self._torch.randn(
                (3, size, size), device="cuda", dtype=self._torch.bfloat16
            )
        left, right, out = self._matrices[size]
        for _ in range(count):
            self._torch.matmul(left, right, out=out)

    def synchronise(self) -> None:
        """Wait for all that is queued."""
        self._torch.cuda.synchronize()


class CupyGemm:
    """CuPy's."""

    def __init__(self) -> None:
        self._cupy = import_module("cupy")
        if not self._cupy.cuda.is_available():
            raise LoadFailed("CuPy is installed, and finds no CUDA device")
        self.name = f"CuPy {self._cupy.__version__}, fp16"
        self._matrices: dict[int, Any] = {}

    def multiply(self, size: int, count: int) -> None:
        """Queue so many products."""
        if size not in self._matrices:
            random = self._cupy.random.standard_normal((3, size, size), dtype="float32")
            self._matrices[size] = random.astype("float16")
        left, right, out = self._matrices[size]
        for _ in range(count):
            self._cupy.matmul(left, right, out=out)

    def synchronise(self) -> None:
        """Wait for all that is queued."""
        self._cupy.cuda.Device().synchronize()


def open_gemm(kind: str) -> Gemm:
    """Return the first of the libraries that works here.

    Args:
        kind: ``torch``, ``cupy``, or ``auto``.

    Raises:
        LoadFailed: If none does; the text says why not.
    """
    makers: dict[str, Callable[[], Gemm]] = {"torch": TorchGemm, "cupy": CupyGemm}
    troubles = []
    for name in KINDS if kind == AUTO else (kind,):
        try:
            return makers[name]()
        except ImportError as error:
            troubles.append(f"{name}: {error}")
        except LoadFailed as error:
            troubles.append(str(error))
    raise LoadFailed("; ".join(troubles))


class Worker:
    """Does work on one GEMM; knows how many kernels of each size fill a millisecond."""

    def __init__(
        self,
        gemm: Gemm,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gemm = gemm
        self._clock = clock
        self._sleep = sleep
        self._batches: dict[int, int] = {}

    def do(self, work: Work) -> float:
        """Do it and return how long it took; warming up a new size is before that."""
        batch = self._batch(work.size)
        started_s = self._clock()
        if work.kernels:
            self._gemm.multiply(work.size, work.kernels)
        else:
            self._be_busy(work, batch, started_s)
        self._gemm.synchronise()
        return self._clock() - started_s

    def _be_busy(self, work: Work, batch: int, started_s: float) -> None:
        period_s = work.period_s or work.seconds
        until_s = started_s + work.seconds
        next_s = started_s
        while next_s < until_s:
            busy_until_s = min(next_s + work.duty * period_s, until_s)
            while self._clock() < busy_until_s:
                self._gemm.multiply(work.size, batch)
                self._gemm.synchronise()
            next_s += period_s
            self._sleep(max(0.0, min(next_s, until_s) - self._clock()))

    def _batch(self, size: int) -> int:
        if size not in self._batches:
            self._gemm.multiply(size, _WARM_UP)
            self._gemm.synchronise()
            started_s = self._clock()
            self._gemm.multiply(size, _WARM_UP)
            self._gemm.synchronise()
            each_s = max(1e-6, (self._clock() - started_s) / _WARM_UP)
            self._batches[size] = max(1, round(_BATCH_S / each_s))
        return self._batches[size]


def main(arguments: Sequence[str]) -> int:
    """Answer until standard input ends."""
    try:
        gemm = open_gemm(arguments[0] if arguments else AUTO)
        worker = Worker(gemm)
        _say({"name": gemm.name})
        for line in sys.stdin:
            _say({"elapsed_s": worker.do(Work(**json.loads(line)))})
    except LoadFailed as error:
        _say({"failed": str(error)})
        return 1
    except Exception as error:  # a library's own, out of memory, ...: told on the line
        _say({"failed": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
