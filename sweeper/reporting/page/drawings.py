"""All plots of a page: what is drawn, and of what cannot be drawn the reason.

Owns: the names of the plots' places and what stands above each. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.model import SweepHistory, Value
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.energy_shares import EnergyShare
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.page import plots, sensitivity
from sweeper.reporting.page.dots import Dot, Figure, dots_of
from sweeper.reporting.page.markup import Html, join, tag
from sweeper.reporting.summary import Summary
from sweeper.reporting.surroundings import Surroundings
from sweeper.reporting.trajectory import trajectory_of

__all__ = ["Drawings", "drawings_of"]


_AXIS_PX = 88  # width of one of the parallel coordinates, at least


@dataclass(frozen=True, slots=True)
class Drawings:
    """The plots of a page.

    Attributes:
        dots: The settled trials.
        figures: What each place shows; a sentence: why it shows nothing.
        slices: Names of the parameters that have a plot of their own, in the order of the plots.
        axes: Of the parallel coordinates.
    """

    dots: tuple[Dot, ...]
    figures: Mapping[str, Figure | str]
    slices: tuple[str, ...]
    axes: int

    def documents(self) -> dict[str, Value]:
        """Return what the page's script draws, by place."""
        return {name: it for name, it in self.figures.items() if not isinstance(it, str)}

    def words(self) -> dict[str, Value]:
        """Return what is said when a trial is pointed at, by its number."""
        return {str(dot.number): dot.words() for dot in self.dots}

    def place(self, name: str, title: str, note: str, size: str = "") -> Html:
        """Return a plot's place below its title; where there is no plot, why."""
        figure = self.figures[name]
        head = tag("figcaption", tag("h3", title), tag("p", note, class_="note"))
        if isinstance(figure, str):
            why = tag("p", f"Nothing to draw: {figure}.", class_="absent")
            return tag("figure", head, why, class_="panel")
        place = tag("div", self.bare(name, title, size), class_="wide")
        return tag("figure", head, place, class_="panel")

    def bare(self, name: str, title: str, size: str) -> Html:
        """Return a plot's place alone; one with many axes is wider than a phone, and scrolls."""
        wide = {"style": f"min-width:{_AXIS_PX * self.axes}px"} if name == "plot-parallel" else {}
        kind = f"plot {size}".strip()
        return tag("div", id=name, class_=kind, role="img", aria_label=title, **wide)

    def small_places(self) -> Html:
        """Return the places of the plots of one parameter each."""
        made = (
            self.bare(f"plot-slice-{place}", f"value against {name}", "low")
            for place, name in enumerate(self.slices)
        )
        return tag("div", join(made), class_="small")

    def slices_note(self, metric: str) -> str:
        """Say what those show, and what their colours mean.

        Args:
            metric: Name of what stands upwards.
        """
        shown = f"{one_line(metric)} of complete trials against each parameter."
        ends = sensitivity.energy_range(self.dots)
        if ends is None:
            return shown
        low, high = (figures.energy(end) for end in ends)
        return f"{shown} The colour is the trial's energy, from {low} to {high}"


def drawings_of(
    history: SweepHistory,
    summary: Summary,
    trials: Sequence[TrialView],
    shares: Sequence[EnergyShare],
    around: Surroundings,
) -> Drawings:
    """Draw everything that there is to draw.

    Args:
        history: The sweep's.
        summary: Of it.
        trials: Its trials.
        shares: Where its energy went.
        around: For importances and scales.
    """
    dots = tuple(dots_of(trials, summary))
    axes = sensitivity.axes_of(dots, around.log_parameters)
    slices = sensitivity.slice_plots(axes, dots)
    importances = around.importances
    return Drawings(
        dots,
        {
            "plot-best": plots.best_plot(
                trajectory_of(history, summary.goals, summary.factors), summary
            ),
            "plot-trials": plots.trials_plot(dots, summary),
            "plot-curves": plots.curves_plot(dots, summary),
            "plot-parallel": sensitivity.parallel_plot(axes, dots, summary),
            "plot-importances": f"importances unknown: {around.no_importances}"
            if importances is None or not dots
            else sensitivity.importance_plot(importances),
            "plot-time": plots.time_plot(dots),
            "plot-energy": plots.energy_plot(shares),
            **{f"plot-slice-{place}": figure for place, (_, figure) in enumerate(slices)},
        },
        tuple(name for name, _ in slices),
        len(axes) + 1,
    )
