"""One trial in words, for ``sweeper show SWEEP/TRIAL``.

Owns: these lines. Standard library only; ``tables.py`` lays them out.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Curve, Energy, Goals, Source, SweepHistory, UseRow
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line, visible
from sweeper.reporting.closing import section
from sweeper.reporting.documents import spent_by
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_files import TrialFolder
from sweeper.reporting.worth import broken, worth_of

__all__ = ["file_lines", "rest_of_curve", "spent_figure", "trial_lines"]

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
    lines += section("energy", _energy_lines(trial))
    lines += section("time", [f"{figures.duration(trial.elapsed_s)} of training{_place(trial)}"])
    lines += section("trained", [_producer(u) for u in history.uses if u.number == trial.number])
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


def _energy_lines(trial: TrialView) -> list[str]:
    lines = [f"{spent_figure(trial)} spent by this sweep"]
    if trial.source is not Source.RUN and trial.energy_j is not None:
        lines.append(f"{figures.energy(trial.energy_j)} when it was trained")
    accounts = [_account_lines(row.energy) for row in trial.replicates if row.energy]
    return [*lines, *dict.fromkeys(line for account in accounts for line in account)]


def _account_lines(energy: Energy) -> list[str]:
    """Word where a figure came from, and how far it can be relied on."""
    origin = [
        f"scope {one_line(energy.scope)}",
        f"source {one_line(energy.source)}",
        f"attribution {one_line(energy.attribution)}",
    ]
    parts = [f"coverage {figures.share(energy.coverage)}"]
    if energy.lo_j is not None or energy.hi_j is not None:
        parts.append(_bounds(energy.lo_j, energy.hi_j))
    if energy.cpu_j is not None:
        parts.append(
            f"CPU apart {figures.energy(energy.cpu_j)} ({one_line(str(energy.cpu_source))})"
        )
    if energy.flags:
        parts.append(f"flags {', '.join(one_line(flag) for flag in energy.flags)}")
    return [", ".join(origin), ", ".join(parts)]


def _producer(use: UseRow) -> str:
    who = f"{one_line(use.producer)} on {one_line(use.producer_host)}"
    hardware = "" if use.comparable else ", hardware not compared"
    avoided = f"avoided {figures.energy(use.avoided_j)}{hardware}"
    return f"by {who}, stored {figures.moment(use.stored_at)}; {avoided}"


def spent_figure(trial: TrialView) -> str:
    """Write what this sweep consumed for a trial, over all its attempts."""
    spent = spent_by(trial)
    return figures.at_least(figures.energy(spent.energy_j), spent.missing)


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


def _bounds(lo_j: float | None, hi_j: float | None) -> str:
    """Word what is known of the least and the most."""
    if lo_j is None:
        return f"at most {figures.energy(hi_j)}"
    if hi_j is None:
        return f"at least {figures.energy(lo_j)}"
    return f"between {figures.energy(lo_j)} and {figures.energy(hi_j)}"
