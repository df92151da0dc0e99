"""Tables and a figure of the replays, for docs/benchmarks.md.

Owns: how replays are summed up (the statistics of the rules) and written.
"""

from __future__ import annotations

import html
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pages import DOCS, put
from searches import SEARCHES

from sweeper.replay.statistics import geometric_mean_interval, holm, quartiles, wilcoxon

G2 = "G2 shuffled grid"
FIGURE = "energy-to-target.svg"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#999999", "#000000")
_SHOWN = (
    "G2 shuffled grid",
    "sweeper random",
    "sweeper bayes",
    "sweeper bayes, hyperband",
    "sweeper bayes, median",
    "sweeper bayes, cost stop",
    "Optuna TPE",
)

# Replays with plain Optuna 5.0 that were made before this benchmark existed, by others and with
# unpaired noise: share of the grid's energy (median) and successes.
EARLIER: Mapping[tuple[str, str], str] = {
    ("zeus/cifar100@v100", G2): ".69, 34/40",
    ("zeus/cifar100@v100", "Optuna random"): ".88, 25/40",
    ("zeus/cifar100@v100", "Optuna TPE"): ".26, 40/40",
    ("zeus/cifar100@v100", "Optuna TPE, cost stop"): ".13, 40/40",
    ("zeus/cifar100@a40", G2): ".57, 38/40",
    ("zeus/cifar100@a40", "Optuna random"): ".84, 25/40",
    ("zeus/cifar100@a40", "Optuna TPE"): ".26, 40/40",
    ("zeus/cifar100@a40", "Optuna TPE, cost stop"): ".12, 40/40",
    ("algoperf/ogbg", G2): ".54, 40/40",
    ("algoperf/ogbg", "Optuna random"): ".75, 25/40",
    ("algoperf/ogbg", "Optuna TPE"): ".25, 40/40",
    ("algoperf/ogbg", "Optuna TPE, cost stop"): ".15, 40/40",
    ("fcnet/protein_structure", G2): ".26, 19/20",
    ("fcnet/protein_structure", "Optuna TPE"): ".12, 20/20",
    ("hpobench_mlp/vehicle", G2): ".08, 17/20",
    ("hpobench_mlp/vehicle", "Optuna random"): ".01, 18/20",
    ("hpobench_mlp/vehicle", "Optuna TPE"): ".01, 17/20",
    ("deepobs/cifar10_3c3d", G2): ".34, 16/20",
    ("deepobs/cifar10_3c3d", "Optuna random"): ".29, 15/20",
    ("deepobs/cifar10_3c3d", "Optuna TPE"): ".21, 19/20",
    ("deepobs/cifar10_3c3d", "Optuna TPE, ASHA"): ".07, 16/20",
    ("deepobs/mnist_vae", G2): ".44, 18/20",
    ("deepobs/mnist_vae", "Optuna random"): ".89, 11/20",
    ("deepobs/mnist_vae", "Optuna TPE"): ".19, 20/20",
    ("deepobs/mnist_vae", "Optuna TPE, median"): ".15, 18/20",
    ("deepobs/fmnist_2c2d", G2): ".79, 15/20",
    ("deepobs/fmnist_2c2d", "Optuna random"): ".30, 12/20",
    ("deepobs/fmnist_2c2d", "Optuna TPE"): ".23, 15/20",
    ("deepobs/fmnist_2c2d", "Optuna TPE, ASHA"): ".31, 11/20",
    ("deepobs/fmnist_2c2d", "Optuna TPE, median"): ".22, 14/20",
}


class Replay(Protocol):
    """What is read of a row."""

    benchmark: str
    search: str
    workers: int
    repetition: int
    ratio: float
    reached: bool
    time_ratio: float | None
    quality: float | None
    target: float
    own_share: float


Groups = dict[tuple[int, str], dict[str, list[Replay]]]


def write_pages(rows: Sequence[Replay], *, to_docs: bool) -> str:
    """Return all tables; put them and the figure into docs/ if asked."""
    groups = _grouped(rows)
    text = "\n\n".join(_tables(groups))
    if to_docs:
        put(text, "benchmarks.md", "energy to target")
        (DOCS / FIGURE).write_text(figure(groups), encoding="utf-8")
    return text


def _grouped(rows: Iterable[Replay]) -> Groups:
    groups: Groups = defaultdict(lambda: defaultdict(list))
    places = {name: place for place, name in enumerate(SEARCHES)}
    for row in sorted(rows, key=lambda it: (it.workers, places[it.search], it.repetition)):
        groups[row.workers, row.benchmark][row.search].append(row)
    return groups


def _tables(groups: Groups) -> Iterable[str]:
    counts = sorted({workers for workers, _ in groups})
    for workers in counts:
        chosen = {name: of for (count, name), of in groups.items() if count == workers}
        plural = "worker" if workers == 1 else "workers"
        yield f"### {workers} {plural}\n\n{_ratios(chosen)}"
        yield _across(chosen)
    alone = {name: of for (count, name), of in groups.items() if count == 1}
    if alone:
        yield f"### The quality guard\n\n{_guard(alone)}"
        yield f"### Beside earlier replays\n\n{_beside(alone)}"


def _ratios(of: Mapping[str, Mapping[str, list[Replay]]]) -> str:
    lines = [
        "| benchmark | search | E / E(G1), median | quartiles | reached | p against G2 |",
        "|---|---|---|---|---|---|",
    ]
    for benchmark, searches in of.items():
        adjusted = holm({name: _against(rows, searches) for name, rows in searches.items()})
        count = max(len(rows) for rows in searches.values())
        lines.append(f"| {benchmark} | G1 exhaustive grid | 1 | 1 to 1 | {count}/{count} | |")
        for name, rows in searches.items():
            low, middle, high = quartiles([row.ratio for row in rows])
            reached = sum(row.reached for row in rows)
            p = adjusted[name]
            lines.append(
                f"| {benchmark} | {name} | {middle:.3f} | {low:.3f} to {high:.3f} | "
                f"{reached}/{len(rows)} | {'' if p is None else _p(p)} |"
            )
    return "\n".join(lines)


def _against(rows: Sequence[Replay], searches: Mapping[str, Sequence[Replay]]) -> float | None:
    """Return the p of a search against the shuffled grid, over the repetitions of both."""
    base = {row.repetition: row.ratio for row in searches.get(G2, ())}
    both = [row.ratio - base[row.repetition] for row in rows if row.repetition in base]
    return wilcoxon(both)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _across(of: Mapping[str, Mapping[str, Sequence[Replay]]]) -> str:
    """Sum the benchmarks up: each median is one observation."""
    medians: dict[str, dict[str, float]] = defaultdict(dict)
    shares: dict[str, list[float]] = defaultdict(list)
    for benchmark, searches in of.items():
        for name, rows in searches.items():
            medians[name][benchmark] = statistics.median(row.ratio for row in rows)
            shares[name].append(statistics.fmean(row.reached for row in rows))
    tests = {
        name: wilcoxon([it - medians[G2][b] for b, it in found.items() if b in medians[G2]])
        for name, found in medians.items()
    }
    adjusted = holm(tests)
    lines = [
        "| search | benchmarks | geometric mean of E / E(G1) | 95 % over benchmarks | reached |"
        " p against G2 |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in medians.items():
        mean, low, high = geometric_mean_interval([max(it, 1e-6) for it in found.values()])
        reached, p = statistics.fmean(shares[name]), adjusted[name]
        lines.append(
            f"| {name} | {len(found)} | {mean:.3f} | {low:.3f} to {high:.3f} | {reached:.0%} | "
            f"{'' if p is None else _p(p)} |"
        )
    return "\n".join(lines)


def _guard(of: Mapping[str, Mapping[str, Sequence[Replay]]]) -> str:
    lines = [
        "| benchmark | search | quality at the budget, median | target, median | repetitions |"
        " own energy |",
        "|---|---|---|---|---|---|",
    ]
    for benchmark, searches in of.items():
        for name, rows in searches.items():
            ended = [row for row in rows if row.quality is not None]
            if ended:
                quality = statistics.median(row.quality or 0.0 for row in ended)
                target = statistics.median(row.target for row in ended)
                own = statistics.median(row.own_share for row in rows)
                lines.append(
                    f"| {benchmark} | {name} | {quality:.5g} | {target:.5g} | {len(ended)} | "
                    f"{own:.1%} |"
                )
    return "\n".join(lines)


def _beside(of: Mapping[str, Mapping[str, Sequence[Replay]]]) -> str:
    lines = ["| benchmark | search | here | earlier |", "|---|---|---|---|"]
    for (benchmark, name), earlier in EARLIER.items():
        rows = of.get(benchmark, {}).get(name)
        if rows:
            middle = statistics.median(row.ratio for row in rows)
            reached = f"{sum(row.reached for row in rows)}/{len(rows)}"
            written = f"{middle:.2f}".removeprefix("0")
            lines.append(f"| {benchmark} | {name} | {written}, {reached} | {earlier} |")
    return "\n".join(lines)


# --- the figure ---

_WIDE, _HIGH, _LEFT, _TOP, _GAP = 260, 170, 44, 80, 56


def figure(groups: Groups) -> str:
    """Draw the share of repetitions at the target against energy; failures never reach 1."""
    panels = [(name, of) for (workers, name), of in groups.items() if workers == 1]
    columns = 3
    rows = -(-len(panels) // columns)
    width = columns * (_WIDE + _GAP) + _LEFT
    height = rows * (_HIGH + _GAP) + _TOP + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_legend(),
    ]
    for place, (name, of) in enumerate(panels):
        left = _LEFT + place % columns * (_WIDE + _GAP)
        top = _TOP + place // columns * (_HIGH + _GAP)
        parts += _panel(name, of, left, top)
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> Iterable[str]:
    yield (
        f'<text x="{_LEFT}" y="16" font-weight="bold">Share of repetitions at the target, against '
        "energy as a share of the exhaustive grid's</text>"
    )
    for place, (name, colour) in enumerate(zip(_SHOWN, _COLOURS, strict=False)):
        x, y = _LEFT + place % 4 * 220, 34 + place // 4 * 15
        yield f'<line x1="{x}" x2="{x + 18}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" '
        yield 'stroke-width="2.5"/>'
        yield f'<text x="{x + 24}" y="{y}">{html.escape(name)}</text>'


def _panel(name: str, of: Mapping[str, Sequence[Replay]], left: float, top: float) -> Iterable[str]:
    bottom = top + _HIGH
    yield f'<text x="{left}" y="{top - 5}" font-weight="bold">{html.escape(name)}</text>'
    for share in (0, 0.5, 1):
        y = bottom - share * _HIGH
        yield f'<line x1="{left}" x2="{left + _WIDE}" y1="{y}" y2="{y}" stroke="#dddddd"/>'
        yield f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{share:g}</text>'
        x = left + share * _WIDE
        yield f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{share:g}</text>'
    for search, colour in zip(_SHOWN, _COLOURS, strict=False):
        if search in of:
            yield _steps(of[search], left, bottom, colour)


def _steps(rows: Sequence[Replay], left: float, bottom: float, colour: str) -> str:
    at = sorted(row.ratio for row in rows if row.reached)
    path = [f"M{left:.1f} {bottom:.1f}"]
    for count, ratio in enumerate(at, start=1):
        path.append(f"H{left + ratio * _WIDE:.1f} V{bottom - count / len(rows) * _HIGH:.1f}")
    path.append(f"H{left + _WIDE:.1f}")
    return f'<path d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="2"/>'
