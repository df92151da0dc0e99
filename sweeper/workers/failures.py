"""From what went wrong in a trial to one line and the text behind it."""

from __future__ import annotations

import re
import signal
import traceback
from pathlib import Path

from sweeper.model import Cause, CauseKind

__all__ = ["ProgramFailed", "cause_of", "program_failed", "text_of"]

CAUSE_LENGTH = 300
TEXT_LENGTH = 100_000
# What PyTorch says on NVIDIA's and AMD's GPUs, with the exception's names since 2.5 and before.
_GPU_MEMORY = re.compile(r"torch(\.cuda)?\.OutOfMemoryError|(CUDA|HIP) out of memory")
_NO_WANDB = "No module named 'wandb'"


class ProgramFailed(Exception):
    """A program could not be started, or ended with an error.

    Args:
        cause: One line.
        text: The end of what it wrote to standard error.
    """

    def __init__(self, cause: Cause, text: str) -> None:
        self.cause = cause
        self.text = text
        super().__init__(str(cause))


def program_failed(status: int, stderr: str) -> ProgramFailed:
    """Say why a program failed.

    Args:
        status: Its exit code; below zero: the signal that ended it.
        stderr: The end of what it wrote to standard error.
    """
    what = f"exit code {status}" if status >= 0 else f"ended by {_signal_name(-status)}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # What W&B says last, where its files are, is not why a script failed.
    last = ([line for line in lines if not line.startswith("wandb:")] or lines or [""])[-1]
    if _NO_WANDB in last:
        last += " (install it: pip install wandb)"
    kind = CauseKind.OOM if _GPU_MEMORY.search(stderr) else CauseKind.ERROR
    text = f"{what}: {last}" if last else f"{what}, and nothing on standard error"
    return ProgramFailed(_cause(kind, text), stderr)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def cause_of(error: BaseException) -> Cause:
    """Return why a trial failed, in one line."""
    if isinstance(error, ProgramFailed):
        return error.cause
    kind = CauseKind.OOM if type(error).__name__ == "OutOfMemoryError" else CauseKind.ERROR
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # an exception's own __str__ may raise
        text = f"{type(error).__name__}: its text cannot be made"
    return _cause(kind, text)


def _cause(kind: CauseKind, text: str) -> Cause:
    return Cause(kind, _printable(" ".join(text.split()))[:CAUSE_LENGTH])


def _printable(text: str) -> str:
    """Escape what UTF-8 cannot hold, such as the bytes of an undecodable file name."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def text_of(error: BaseException) -> str:
    """Return the user's part of the traceback, or what a program wrote to standard error."""
    if isinstance(error, ProgramFailed):
        return error.text[-TEXT_LENGTH:]
    frames = error.__traceback__
    own = str(Path(__file__).parent)
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(own):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return _printable(text)[-TEXT_LENGTH:]
