"""Listens to the runs of W&B inside a program: what is logged is also told to the worker.

Loaded by ``sitecustomize.py`` when the program imports ``wandb``. Owns: which values a call of
``log`` holds, and how a run that is stopped ends. Source of the meaning of ``step`` and ``commit``:
wandb 0.31, ``sdk/wandb_run.py``, ``Run._log``.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

__all__ = ["listen"]


def _trial_module() -> ModuleType:
    """Return ``sweeper.trial``; where this Python has no sweeper, the very file of the worker's."""
    try:
        import sweeper.trial
    except ImportError:
        here = os.path.dirname(os.path.abspath(__file__))
        file = os.path.join(os.path.dirname(os.path.dirname(here)), "trial.py")
        spec = importlib.util.spec_from_file_location("_sweeper_trial", file)
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return sweeper.trial


def listen(run_class: Any) -> None:
    """Wrap the class of W&B's runs: what it does, it goes on doing.

    Args:
        run_class: ``wandb.sdk.wandb_run.Run``.
    """
    trial = _trial_module()
    run_class.log = _logging(run_class.log, trial)
    run_class.__exit__ = _exiting(run_class.__exit__, trial)


def _logging(inner: Callable[..., None], trial: ModuleType) -> Callable[..., None]:
    end_row = functools.cache(lambda pid: atexit.register(_end_row, trial))

    @functools.wraps(inner)
    def log(
        self: Any,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        **further: Any,
    ) -> None:
        late = step is not None and step < self.step  # W&B drops it, with a warning
        inner(self, data, step, commit, **further)
        line = trial.line()
        if line is not None and not late:
            end_row(os.getpid())
            committed = commit is True or (commit is None and step is None)
            line.say({"row": step, "commit": committed, "metrics": dict(_numbers(data))})

    return log


def _end_row(trial: ModuleType) -> None:
    """Tell that the row which is begun is whole; there is nothing left to stop."""
    try:
        line = trial.line()
        if line is not None:
            line.say({"row": None, "commit": True, "metrics": {}})
    except (trial.TrialStopped, OSError):
        pass


def _exiting(inner: Callable[..., Any], trial: ModuleType) -> Callable[..., Any]:
    @functools.wraps(inner)
    def leave(self: Any, kind: Any, error: Any, frames: Any) -> Any:
        """Finish a stopped run as an ordinary one: nothing went wrong in it."""
        stopped = kind is not None and issubclass(kind, trial.TrialStopped)
        return inner(self, *((None, None, None) if stopped else (kind, error, frames)))

    return leave


def _numbers(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a call, nested ones by dotted names, as W&B's history has them."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{above}{name}.")
        elif not isinstance(value, bool | str | bytes) and hasattr(value, "__float__"):
            try:
                yield f"{above}{name}", float(value)
            except (TypeError, ValueError, RuntimeError, OverflowError):
                continue  # an array or tensor with several elements
