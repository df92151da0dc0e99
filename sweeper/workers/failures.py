"""From what went wrong in a trial to its class, one line, and the text behind it."""

from __future__ import annotations

import re
import signal
import traceback
from pathlib import Path
from types import TracebackType

from sweeper.model import Cause, CauseKind
from sweeper.secret_shapes import hide_secrets

__all__ = ["TEXT_LENGTH", "TrainingFailed", "cause_of", "died", "program_failed", "text_of"]

CAUSE_LENGTH = 300
TEXT_LENGTH = 100_000
# What PyTorch says on NVIDIA's and AMD's GPUs, with the exception's names since 2.5 and before;
# JAX and TensorFlow say RESOURCE_EXHAUSTED, CuPy its class.
_GPU_MEMORY = re.compile(
    r"torch(\.cuda)?\.OutOfMemoryError|(CUDA|HIP) out of memory|CUDA_ERROR_OUT_OF_MEMORY"
    r"|RESOURCE_EXHAUSTED: Out of memory|cupy\.cuda\.memory\.OutOfMemoryError"
)
_HOST_MEMORY = re.compile(r"^(?:numpy\.\S*)?_?(?:Array)?MemoryError\b|std::bad_alloc", re.MULTILINE)
_FRAME = re.compile(r'^\s*File "(?P<file>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)
_FIRST = "(most recent call first):"
_HEADS = re.compile(r"(?<=\(most recent call last\):)|(?<=\(most recent call first\):)")
_INSTALLED = ("/site-packages/", "/dist-packages/", "/lib/python3", "<")
_OWN = str(Path(__file__).parents[1])
_NO_WANDB = "No module named 'wandb'"
# What a process says of itself by dying so; the others are somebody else's doing.
_CRASHES = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGBUS: "bus error",
    signal.SIGABRT: "aborted",
    signal.SIGFPE: "arithmetic error",
    signal.SIGILL: "illegal instruction",
}


class TrainingFailed(Exception):
    """A training ended with an error, or its process ended without one.

    Args:
        cause: Its class and one line.
        text: What is behind it: a traceback, or the end of standard error.
    """

    def __init__(self, cause: Cause, text: str) -> None:
        self.cause = cause
        self.text = text
        super().__init__(str(cause))


def program_failed(status: int, stderr: str, *, memory: bool = False) -> TrainingFailed:
    """Say why a program failed.

    Args:
        status: Its exit code; below zero: the signal that ended it.
        stderr: The end of what it wrote to standard error.
        memory: The system has just killed processes for want of memory.
    """
    if status < 0:
        return died(status, stderr, memory=memory, what="the program")
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # What W&B says last, where its files are, is not why a script failed.
    last = ([line for line in lines if not line.startswith("wandb:")] or lines or [""])[-1]
    if _NO_WANDB in last:
        last += " (install it: pip install wandb)"
    said = f"{last}{_place(stderr)}" if last else "nothing on standard error"
    text = f"exit code {status}: {said}" if last else f"exit code {status}, and {said}"
    return TrainingFailed(_cause(_kind_of(stderr), text), stderr)


def died(status: int, stderr: str, *, memory: bool, what: str) -> TrainingFailed:
    """Say why a process is gone that should have gone on.

    Args:
        status: Its exit code; below zero: the signal that ended it.
        stderr: The end of what it wrote to standard error.
        memory: The system has just killed processes for want of memory.
        what: Which process, for people.
    """
    if status >= 0:
        text = f"{what} ended itself with exit code {status}, without raising an error"
        return TrainingFailed(_cause(CauseKind.CRASH, text), stderr)
    name = _signal_name(-status)
    if -status in _CRASHES:
        kind, text = _kind_of(stderr, CauseKind.CRASH), f"{what} died of {name}"
        text += f" ({_CRASHES[signal.Signals(-status)]}){_place(stderr)}"
    elif -status == signal.SIGKILL and memory:
        kind = CauseKind.MEMORY
        text = f"{what} was killed by the system, which had run out of memory"
    elif -status == signal.SIGTERM:
        kind, text = CauseKind.PREEMPTED, f"{what} was asked to end by somebody else ({name})"
    else:
        kind, text = CauseKind.WORKER, f"{what} was killed by somebody else ({name})"
    return TrainingFailed(_cause(kind, text), stderr)


def _kind_of(stderr: str, else_: CauseKind = CauseKind.ERROR) -> CauseKind:
    if _GPU_MEMORY.search(stderr):
        return CauseKind.OOM
    return CauseKind.MEMORY if _HOST_MEMORY.search(stderr) else else_


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def cause_of(error: BaseException) -> Cause:
    """Return why a trial failed, in one line that ends with the place in the user's code."""
    if isinstance(error, TrainingFailed):
        return error.cause
    name = type(error).__name__
    try:
        text = f"{name}: {error}"[: 2 * TEXT_LENGTH]
    except Exception:  # an exception's own __str__ may raise
        text = f"{name}: its text cannot be made"
    kind = CauseKind.ERROR
    if name == "OutOfMemoryError" or _GPU_MEMORY.search(text):
        kind = CauseKind.OOM
    elif isinstance(error, MemoryError):
        kind = CauseKind.MEMORY
    return _cause(kind, text, _place_of(error.__traceback__))


def _cause(kind: CauseKind, text: str, place: str = "") -> Cause:
    line = _printable(hide_secrets(" ".join(text.split())))
    return Cause(kind, line[: CAUSE_LENGTH - len(place)] + place)


def _place_of(frames: TracebackType | None) -> str:
    """Return the innermost place in code that is neither installed nor ours."""
    place = ""
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if not _foreign(file):
            place = f" ({Path(file).name}:{frames.tb_lineno})"
        frames = frames.tb_next
    return _printable(place)


def _place(stderr: str) -> str:
    """Return the innermost such place of the last traceback that a Python program printed.

    An exception's has the innermost call last, that of a crash (``faulthandler``) has it first.
    """
    *_, last = _HEADS.split(stderr)
    own = [frame for frame in _FRAME.finditer(last) if not _foreign(frame["file"])]
    if last is stderr or not own:
        return ""
    frame = own[0] if stderr[: -len(last)].endswith(_FIRST) else own[-1]
    return f" ({Path(frame['file']).name}:{frame['line']})"


def _foreign(file: str) -> bool:
    return any(part in file for part in _INSTALLED) or file.startswith(_OWN)


def _printable(text: str) -> str:
    """Escape what UTF-8 cannot hold, such as the bytes of an undecodable file name."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def text_of(error: BaseException) -> str:
    """Return the user's part of the traceback, or what a program wrote to standard error."""
    if isinstance(error, TrainingFailed):
        return hide_secrets(error.text[-TEXT_LENGTH:])
    frames = error.__traceback__
    own = str(Path(__file__).parent)
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(own):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return hide_secrets(_printable(text)[-TEXT_LENGTH:])
