"""The sections of a page below its head, each with what it shows and what that rests on.

Owns: their wording and contents; ``document.py`` puts them in order. Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Source, SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.citing import citations
from sweeper.reporting.documents import spent_by
from sweeper.reporting.energy_shares import EnergyShare
from sweeper.reporting.energy_words import energy_lines
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.page import plots
from sweeper.reporting.page.drawings import Drawings
from sweeper.reporting.page.markup import (
    Cell,
    Html,
    block,
    definitions,
    join,
    section_name,
    table,
    tag,
)
from sweeper.reporting.physical import physical
from sweeper.reporting.summary import Summary
from sweeper.reporting.surroundings import Surroundings
from sweeper.reporting.trial_energy import spent_figure
from sweeper.reporting.worth import broken, worth_of

__all__ = [
    "citing_section",
    "configuration_section",
    "energy_section",
    "environment_section",
    "failures_section",
    "origin_section",
    "parameters_section",
    "search_section",
    "trials_section",
]

_STEADY = 50  # complete trials from which on the best tenth is more than a handful


def _section(name: str, *parts: Html, title: str = "") -> Html:
    """Return a section; links call it by its name, and without a title so does its heading."""
    return tag("section", tag("h2", title or name), join(parts), id=section_name(name))


def search_section(drawn: Drawings, summary: Summary) -> Html:
    """Show how the search went."""
    if not drawn.dots:
        nothing = tag("p", "No trial has ended: there is nothing to draw yet.", class_="absent")
        return _section("Search", nothing)
    missing = plots.left_out(drawn.dots, summary)
    lack = "" if not missing else f" Not shown, as a figure is unknown: {missing}."
    saving = summary.saving
    grid = (
        "The dashed line is what grid search would have used (estimated)."
        if saving is not None and saving.counterfactual_j is not None
        else "Where grid search would have ended is not known."
    )
    pair = (
        "a trial in the first two objectives"
        if summary.several
        else "how a trial ended; one from the store has the energy of its training"
    )
    return _section(
        "Search",
        drawn.place(
            "plot-best",
            "Best value against energy",
            f"All energy so far counts: trials in flight and overhead too. {grid}",
            "high",
        ),
        tag(
            "div",
            drawn.place(
                "plot-trials",
                "Quality against energy" if not summary.several else "Trade-off of objectives",
                f"Each point is {pair}.{lack}",
            ),
            drawn.place(
                "plot-curves", "Learning curves", "What the trials reported; pruned ones end early."
            ),
            class_="pair",
        ),
        title="The search",
    )


def parameters_section(drawn: Drawings, summary: Summary) -> Html:
    """Show what parameters matter."""
    if not drawn.dots:
        return Html()
    full = sum(dot.is_full for dot in drawn.dots)
    few = (
        ""
        if full >= _STEADY
        else f" Only {figures.count(full, 'complete trial')}: a hint, not a finding."
    )
    has_energy = any(dot.is_full and dot.energy_j is not None for dot in drawn.dots)
    ramp = tag("i", class_="ramp") if has_energy else Html()
    slices = tag(
        "figure",
        tag(
            "figcaption",
            tag("h3", "One parameter at a time"),
            tag("p", drawn.slices_note(summary.goals.first.name), ramp, class_="note"),
        ),
        drawn.small_places(),
        class_="panel",
    )
    return _section(
        "What matters",
        drawn.place(
            "plot-parallel",
            "Parallel coordinates",
            "Trials that ran to their end, a line each; a gap is a parameter that was not there.",
            "high",
        ),
        tag(
            "div",
            drawn.place(
                "plot-importances",
                "Importances",
                "How much each parameter decides whether a complete trial is among the best tenth "
                f"(Optuna, PED-ANOVA).{few}",
            ),
            drawn.place(
                "plot-time", "Training time", "Seconds of each trial's trainings, wherever made."
            ),
            class_="pair",
        ),
        slices if drawn.slices else Html(),
    )


def energy_section(drawn: Drawings, summary: Summary, shares: Sequence[EnergyShare]) -> Html:
    """Show where the energy went."""
    energy = summary.energy
    facts = [
        ("source", energy.source),
        ("covers", energy.scope),
        ("time covered", figures.share(energy.coverage)),
        *([("idle draw of GPUs in it", figures.energy(energy.idle_j))] if energy.boards else []),
        ("unknown terms", figures.count(energy.unknown_terms)),
    ]
    words = tag(
        "details", tag("summary", "The account in words"), block("\n".join(energy_lines(summary)))
    )
    return _section(
        "Energy",
        tag(
            "div",
            drawn.place("plot-energy", "By use", "All that this sweep consumed."),
            tag(
                "div",
                tag("h3", "The account"),
                _shares(summary, shares),
                definitions(facts),
                words,
                class_="panel",
            ),
            class_="pair",
        ),
        title="Where the energy went",
    )


def _shares(summary: Summary, shares: Sequence[EnergyShare]) -> Html:
    rows = [
        (
            it.name,
            "" if it.attempts is None else figures.count(it.attempts),
            figures.at_least(figures.energy(it.energy.energy_j), it.energy.missing),
            ", ".join(it.sources) or figures.UNKNOWN,
        )
        for it in shares
    ]
    energy = summary.energy
    spent = figures.at_least(figures.energy(energy.spent_j), energy.unknown_terms)
    whole = tuple(tag("b", words) for words in ("consumed", "", spent, energy.source))
    others = figures.energy(energy.external_j) if energy.boards else "no GPU metered"
    apart = ("other people's on the same GPUs, not counted", "", others, "")
    header = ["what", "trainings", "energy", "source"]
    return table(header, [*rows, whole, apart], right=frozenset({1, 2}))


def origin_section(summary: Summary) -> Html:
    """Show who had trained what the store answered, and what could not be shared."""
    if not summary.producers and not summary.uncached:
        return Html()
    rows = [
        (
            it.who,
            it.host,
            figures.count(it.trials),
            figures.moment(it.stored_at),
            "; ".join(it.hardware),
        )
        for it in summary.producers
    ]
    avoided = summary.energy.avoided_store
    figure = figures.at_least(figures.energy(avoided.energy_j), avoided.missing)
    other = summary.energy.other_hardware_j
    differs = "" if not other else f", {figures.energy(other)} of it on hardware that may differ"
    words = f"Those trainings had used {figure}{differs}. They would not necessarily have been run."
    lost = [(it.reason, figures.count(it.trials), str(it.example)) for it in summary.uncached]
    header = ["who", "host", "trials", "stored", "hardware"]
    return _section(
        "From the store",
        join([tag("p", words), table(header, rows, right=frozenset({2}))]) if rows else Html(),
        table(["not shared, since", "trials", "such as trial"], lost, right=frozenset({1, 2}))
        if lost
        else Html(),
    )


def failures_section(summary: Summary) -> Html:
    """Show the failed trials by cause."""
    if not summary.failures:
        return Html()
    rows = [(figures.count(it.count), it.cause, str(it.example)) for it in summary.failures]
    made = table(["trials", "cause", "such as trial"], rows, right=frozenset({0, 2}))
    return _section("Failures", made)


def trials_section(trials: Sequence[TrialView], history: SweepHistory, summary: Summary) -> Html:
    """Show all trials, a row each."""
    names = summary.goals.names
    best = {it.number for it in summary.finds.front}
    best |= set() if summary.best is None else {summary.best.number}
    rows = [_trial(trial, history, summary, is_best=trial.number in best) for trial in trials]
    header = [
        "trial",
        "state",
        "source",
        *names,
        "energy spent",
        "time",
        "steps",
        "params",
        "cause",
    ]
    right = frozenset({0, *range(3, 6 + len(names))})
    made = tag("div", table(header, rows, right=right, kind="sortable"), class_="panel scroll")
    note = "Energy spent is this sweep's own, over all attempts. A click on a heading sorts."
    title = f"All {figures.count(len(trials), 'trial')}" if trials else "No trials yet"
    return _section("Trials", tag("p", note, class_="note"), made, title=title)


def _trial(
    trial: TrialView, history: SweepHistory, summary: Summary, *, is_best: bool
) -> list[str | Html | Cell]:
    goals, params = summary.goals, trial.first.params
    worth = worth_of(trial.trainings, goals, summary.factors)
    values = [
        Cell("", None) if worth is None else Cell(worth.cell(it), worth.values[it])
        for it in range(len(goals.names))
    ]
    state, mark = trial.state.value, tag("b", "best", class_="mark") if is_best else Html()
    missed = broken(worth, params, goals) if trial.complete and worth is not None else {}
    causes = [*([trial.cause] if trial.cause else []), *(f"breaks {text}" for text in missed)]
    return [
        Cell(str(trial.number), trial.number),
        join([tag("span", state, class_=f"state {state}"), mark], " "),
        _source(trial, history),
        *values,
        Cell(spent_figure(trial), spent_by(trial).energy_j),
        Cell(_time(trial), physical(trial.elapsed_s)),
        Cell(figures.count(trial.first.steps), trial.first.steps),
        tag("code", figures.params(params)),
        "; ".join(causes),
    ]


def _time(trial: TrialView) -> str:
    return "" if trial.elapsed_s is None else figures.duration(trial.elapsed_s)


def _source(trial: TrialView, history: SweepHistory) -> str:
    """Say where a trial came from, and who had trained it."""
    if trial.source is None:
        return ""
    uses = (use for use in history.uses if use.number == trial.number)
    use = next(uses, None)
    by = f" ({use.producer})" if use is not None and trial.source is not Source.DUPLICATE else ""
    return f"{trial.source.value}{by}"


def configuration_section(around: Surroundings) -> Html:
    """Show the file that the sweep is of, with all that it leaves to defaults."""
    file = tag("details", tag("summary", "The sweep file with all defaults"), block(around.config))
    return _section("Configuration", file)


def environment_section(around: Surroundings) -> Html:
    """Show where and with what it was trained."""
    facts = tag("div", definitions(around.environment), class_="panel")
    return _section("Environment", facts) if around.environment else Html()


def citing_section(around: Surroundings) -> Html:
    """Show how to cite this program and what it stands on."""
    entries = citations(around.version)
    copy = tag("button", "Copy BibTeX", type="button", class_="copy", data_copy=entries)
    return _section("Cite", block(entries), copy, title="How to cite")
