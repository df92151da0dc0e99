"""One trial in words, for ``sweeper show SWEEP/TRIAL``.

Owns: these lines. Standard library only; ``tables.py`` lays them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sweeper.model import Curve, Energy, Source, SweepHistory, TrialRow, UseRow
from sweeper.report import figures
from sweeper.report.clean import one_line, visible
from sweeper.report.closing import section
from sweeper.report.documents import spent_by
from sweeper.report.outcomes import TrialView, worth
from sweeper.report.summary import Summary

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
    row, metric = trial.outcome, summary.metric
    origin = "no outcome yet" if row.source is None else _ORIGINS[row.source]
    score = worth(row.curve, row.final, metric)
    lines = [f"trial {trial.number} of {one_line(summary.handle)}  {row.state.value}  {origin}"]
    lines += [f"  {one_line(name)} = {figures.exact(value)}" for name, value in row.params.items()]
    if score is not None:
        value = f"{one_line(metric.name)} {figures.metric(score.value)}"
        lines += section("value", [f"{value} at step {figures.count(score.step)}"])
    if row.cause is not None:
        lines += section("cause", [one_line(row.cause)])
    lines += section("energy", _energy_lines(trial))
    lines += section("time", [f"{figures.duration(row.elapsed_s)} of training{_place(row)}"])
    lines += section("trained", [_producer(u) for u in history.uses if u.number == trial.number])
    if row.uncached is not None:
        lines += section("store", [f"not cacheable: {one_line(row.uncached)}"])
    return lines


def _place(row: TrialRow) -> str:
    node = "" if row.node is None else f" on {one_line(row.node)}"
    gpus = ", ".join(one_line(gpu) for gpu in row.gpus)
    return node + (f" ({gpus})" if gpus else "")


def _energy_lines(trial: TrialView) -> list[str]:
    row = trial.outcome
    lines = [f"{spent_figure(trial)} spent by this sweep"]
    if row.source is not Source.RUN and row.energy_j is not None:
        lines.append(f"{figures.energy(row.energy_j)} when it was trained")
    if row.energy is not None:
        lines.append(_account(row.energy))
    return lines


def _account(energy: Energy) -> str:
    parts = [
        f"scope {one_line(energy.scope)}",
        f"source {one_line(energy.source)}",
        f"attribution {one_line(energy.attribution)}",
        f"coverage {figures.share(energy.coverage)}",
    ]
    if energy.lo_j is not None or energy.hi_j is not None:
        parts.append(_bounds(energy.lo_j, energy.hi_j))
    if energy.cpu_j is not None:
        parts.append(
            f"CPU apart {figures.energy(energy.cpu_j)} ({one_line(str(energy.cpu_source))})"
        )
    if energy.flags:
        parts.append(f"flags {', '.join(one_line(flag) for flag in energy.flags)}")
    return ", ".join(parts)


def _producer(use: UseRow) -> str:
    who = f"{one_line(use.producer)} on {one_line(use.producer_host)}"
    hardware = "" if use.comparable else ", hardware not compared"
    avoided = f"avoided {figures.energy(use.avoided_j)}{hardware}"
    return f"by {who}, stored {figures.moment(use.stored_at)}; {avoided}"


def spent_figure(trial: TrialView) -> str:
    """Write what this sweep consumed for a trial, over all its attempts."""
    spent = spent_by(trial)
    return figures.at_least(figures.energy(spent.energy_j), spent.missing)


def rest_of_curve(curve: Curve, shown: int) -> str:
    """Word how many points follow those that are shown, and the last of them."""
    last = curve[-1]
    more = figures.count(len(curve) - shown)
    return (
        f"and {more} more, the last: step {figures.count(last.step)}, "
        f"{figures.metric(last.values[0])}, {figures.energy(last.energy_j)}"
    )


def file_lines(folder: str, files: Mapping[str, Sequence[str]]) -> list[str]:
    """Word where a trial's files are, and how those end that tell of errors."""
    place = one_line(folder)
    lines = section("files", [place, *(f"{place}/{one_line(name)}" for name in files)])
    for name in _TAILED:
        if files.get(name):
            lines += [f"end of {name}:", *(f"  {visible(line).rstrip()}" for line in files[name])]
    return lines


def _bounds(lo_j: float | None, hi_j: float | None) -> str:
    """Word what is known of the least and the most."""
    if lo_j is None:
        return f"at most {figures.energy(hi_j)}"
    if hi_j is None:
        return f"at least {figures.energy(lo_j)}"
    return f"between {figures.energy(lo_j)} and {figures.energy(hi_j)}"
