"""One trial in words, for ``sweeper show SWEEP/TRIAL``.

Owns: these lines. Standard library only; ``tables.py`` lays them out.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Curve, Goals, Source, SweepHistory, UseRow
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line, visible
from sweeper.reporting.closing import section
from sweeper.reporting.hardware_words import hardware
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_energy import trial_energy_lines
from sweeper.reporting.trial_files import TrialFolder
from sweeper.reporting.worth import broken, worth_of

__all__ = ["file_lines", "rest_of_curve", "trial_lines"]

_TAILED = ("error.txt", "stderr.log")
_ORIGINS = {
    Source.RUN: "trained by this sweep",
    Source.CACHE: "from the store",
    Source.ATTACHED: "from the store, trained elsewhere meanwhile",
    Source.DUPLICATE: "duplicate of an earlier trial",
}


def trial_lines(trial: TrialView, history: SweepHistory, summary: Summary) -> list[str]:
    """Word how a trial stands, what it is worth, what it cost, where it came from."""
    row, source = trial.first, trial.source
    origin = "no outcome yet" if source is None else _ORIGINS[source]
    lines = [f"trial {trial.number} of {one_line(summary.handle)}  {trial.state.value}  {origin}"]
    lines += [f"  {name} = {figures.exact(value)}" for name, value in figures.dotted(row.params)]
    lines += section("value", _value_lines(trial, summary))
    if trial.cause is not None:
        lines += section("cause", [one_line(trial.cause)])
    lines += section("energy", trial_energy_lines(trial))
    lines += section("time", [f"{figures.duration(trial.elapsed_s)} of training{_place(trial)}"])
    uses = [use for use in history.uses if use.number == trial.number]
    lines += section("trained", [line for use in uses for line in _producer(use)])
    if row.uncached is not None:
        lines += section("store", [f"not cacheable: {one_line(row.uncached)}"])
    return lines


def _value_lines(trial: TrialView, summary: Summary) -> list[str]:
    """Word each metric that has a value, and the constraints that are not met."""
    goals, params = summary.goals, trial.first.params
    worth = worth_of(trial.trainings, goals, summary.factors)
    if worth is None:
        return []
    written = {it: worth.written(it) for it in range(len(worth.names)) if worth.figure(it)}
    if 0 in written:
        written[0] += f" at step {figures.count(worth.step)}"
    missed = broken(worth, params, goals) if trial.complete else {}
    return [*written.values(), *(f"breaks {one_line(text)}" for text in missed)]


def _place(trial: TrialView) -> str:
    nodes = dict.fromkeys(one_line(row.node) for row in trial.replicates if row.node is not None)
    gpus = dict.fromkeys(one_line(gpu) for row in trial.replicates for gpu in row.gpus)
    where = f" on {', '.join(nodes)}" if nodes else ""
    return where + (f" ({', '.join(gpus)})" if gpus else "")


def _producer(use: UseRow) -> list[str]:
    who = f"{one_line(use.producer)} on {one_line(use.producer_host)}"
    where = "" if use.producer_trial is None else f" as {one_line(use.producer_trial)}"
    other = "" if use.comparable else ", which may be other hardware than this sweep's"
    return [
        f"by {who}{where}, stored {figures.moment(use.stored_at)}",
        f"with {one_line(hardware(use.hardware))}{other}",
        f"avoided {figures.energy(use.avoided_j)} (would not necessarily have been run)",
    ]


def rest_of_curve(curve: Curve, shown: int, goals: Goals) -> str:
    """Word how many points follow those that are shown, and the last of them."""
    last = curve[-1]
    named = zip(goals.names, last.values, strict=True)
    values = [f"{one_line(name)} {figures.metric(it)}" for name, it in named if it is not None]
    point = ", ".join([f"step {figures.count(last.step)}", *values, figures.energy(last.energy_j)])
    return f"and {figures.count(len(curve) - shown)} more, the last: {point}"


def file_lines(folders: Sequence[TrialFolder]) -> list[str]:
    """Word where a trial's files are, and how those end that tell of errors."""
    listed, ends = [], []
    for folder in folders:
        place = one_line(folder.path)
        listed += [place, *(f"{place}/{one_line(name)}" for name in folder.ends)]
        for name in _TAILED:
            if folder.ends.get(name):
                which = name if len(folders) == 1 else f"{place}/{name}"
                ends.append(f"end of {which}:")
                ends += [f"  {visible(line).rstrip()}" for line in folder.ends[name]]
    return section("files", listed) + ends
