"""Turns every style of objective into one shape: an iterator of reports.

Owns: the generator style (``yield step, metrics``) and the function style
(``trial.report(step, ...)``, or metrics returned at the end). Closing the iterator stops the
objective at its report.
"""

from __future__ import annotations

import contextlib
import inspect
import queue
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.trial import Report, Trial, TrialStopped

__all__ = ["Deliver", "reports"]

Deliver = Callable[[Report], None]
Reports = Generator[Report, None, None]


def reports(objective: Callable[..., Any], make_trial: Callable[[Deliver], Trial]) -> Reports:
    """Start an objective, step by step.

    Args:
        objective: Takes the params, and ``trial`` if it names it.
        make_trial: Builds the trial around the function that delivers a report.

    Yields:
        ``(step, metrics)`` as the objective gave them.

    Raises:
        TypeError: If the objective yields something else.
        BaseException: Whatever the objective raises.
    """
    if inspect.isgeneratorfunction(objective):
        return _generator_style(objective, make_trial)
    return _function_style(objective, make_trial)


def _call(objective: Callable[..., Any], trial: Trial) -> Any:
    try:
        names = inspect.signature(objective).parameters
    except (TypeError, ValueError):
        names = {}  # type: ignore[assignment] # a callable without a signature names nothing
    if "trial" in names:
        return objective(trial.params, trial=trial)
    return objective(trial.params)


def _generator_style(
    objective: Callable[..., Any], make_trial: Callable[[Deliver], Trial]
) -> Reports:
    def deliver(report: Report) -> None:
        raise TypeError("a generator objective yields its reports; it cannot call trial.report too")

    for given in _call(objective, make_trial(deliver)):
        yield _checked(given)


def _checked(given: Any) -> Report:
    match given:
        case (step, Mapping() as metrics):
            return step, metrics
        case _:
            raise TypeError(
                f"the objective must yield (step, {{name: value}}), got {_short(given)}; "
                'write: yield epoch, {"val_accuracy": accuracy}'
            )


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:77]}..."


@dataclass(frozen=True, slots=True)
class _Returned:
    value: Any


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _Channel:
    """Hands reports from the objective's thread to the worker's, one at a time."""

    def __init__(self) -> None:
        self._reports: queue.SimpleQueue[Report | _Returned | _Raised] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._stopped = False

    def deliver(self, report: Report) -> None:
        """Hand over a report and wait; called by the objective."""
        if not self._stopped:
            self._reports.put(report)
            self._stopped = not self._answers.get()
        if self._stopped:
            raise TrialStopped

    def end(self, how: _Returned | _Raised) -> None:
        self._reports.put(how)

    def next(self) -> Report | _Returned | _Raised:
        return self._reports.get()

    def answer(self, *, go_on: bool) -> None:
        self._answers.put(go_on)


def _function_style(
    objective: Callable[..., Any], make_trial: Callable[[Deliver], Trial]
) -> Reports:
    channel = _Channel()
    trial = make_trial(channel.deliver)

    def train() -> None:
        try:
            channel.end(_Returned(_run(objective, trial, channel)))
        except BaseException as error:
            channel.end(_Raised(error))

    thread = threading.Thread(target=train, name=f"trial-{trial.number}", daemon=True)
    thread.start()
    reported = False
    while True:
        match channel.next():
            case _Returned(value):
                if not reported and isinstance(value, Mapping):
                    yield 1, value  # a whole training in one step
                return
            case _Raised(error):
                raise error
            case report:
                reported = True
                try:
                    yield report
                except GeneratorExit:
                    channel.answer(go_on=False)
                    _await_end(channel, thread)
                    raise
                channel.answer(go_on=True)


def _run(objective: Callable[..., Any], trial: Trial, channel: _Channel) -> Any:
    """Call the objective; a decorated generator shows itself only now."""
    result = _call(objective, trial)
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("the objective is an async function; write an ordinary def")
    if not inspect.isgenerator(result):
        return result
    with contextlib.closing(result):
        for given in result:
            channel.deliver(_checked(given))
    return None


def _await_end(channel: _Channel, thread: threading.Thread) -> None:
    """Wait for the objective to unwind; what it reports or raises meanwhile is not counted."""
    while not isinstance(channel.next(), _Returned | _Raised):
        channel.answer(go_on=False)
    thread.join()
