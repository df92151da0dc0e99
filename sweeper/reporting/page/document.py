"""The page of a sweep: result and saving on top, then what the search did, then what it rests on.

Owns: the order of the sections and the file around them. Every figure is the summary's, written as
on the terminal. Imports plotly, for its script, late.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from sweeper.model import SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.documents import sweep_json
from sweeper.reporting.energy_shares import energy_shares
from sweeper.reporting.headlines import running_words
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.page import sections
from sweeper.reporting.page.cards import cards
from sweeper.reporting.page.drawings import drawings_of
from sweeper.reporting.page.markup import Html, data, digest_of, join, section_name, tag, text
from sweeper.reporting.summary import Summary
from sweeper.reporting.surroundings import Surroundings

__all__ = ["sweep_page"]

# What can stand in a script element without ending it, and still be the same script.
_IN_SCRIPT = {"</script": "<\\/script", "<!--": "<\\!--"}


def sweep_page(history: SweepHistory, summary: Summary, around: Surroundings) -> str:
    """Write the whole page.

    Args:
        history: The sweep's.
        summary: Of it.
        around: What else there is to say.
    """
    trials = trials_of(history)
    shares = energy_shares(history, summary, trials)
    drawn = drawings_of(history, summary, trials, shares, around)
    parts = {
        "Result": cards(summary),
        "Search": sections.search_section(drawn, summary),
        "What matters": sections.parameters_section(drawn, summary),
        "Energy": sections.energy_section(drawn, summary, shares),
        "From the store": sections.origin_section(summary),
        "Failures": sections.failures_section(summary),
        "Trials": sections.trials_section(trials, history, summary),
        "Configuration": sections.configuration_section(around),
        "Environment": sections.environment_section(around),
        "Cite": sections.citing_section(around),
    }
    kept = {title: part for title, part in parts.items() if part}
    body = [_head(history, summary, around, list(kept)), *kept.values(), _foot(around)]
    documents = [
        data("sweep", jsonable(sweep_json(history, summary))),
        data("figures", drawn.documents()),
        data("words", drawn.words()),
    ]
    return _file(summary.handle, around.version, tag("main", join(body)), join(documents))


def _file(title: str, version: str, main: Html, documents: Html) -> str:
    scripts = [_plotly(), _read("page.js")]
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
        f"form-action 'none'; script-src {' '.join(digest_of(script) for script in scripts)}"
    )
    head = [
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html(f'<meta name="generator" content="sweeper {text(version)}">'),
        tag("title", f"{title} - sweeper"),
        Html(f"<style>{_read('style.css')}</style>"),
    ]
    run = [Html(f"<script>{script}</script>") for script in scripts]
    page = join([tag("head", join(head)), tag("body", join([main, documents, *run]))])
    return f'<!doctype html>\n<html lang="en">\n{page}\n</html>\n'


def _read(name: str) -> str:
    return resources.files("sweeper.reporting.page").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """Return plotly's script, so that it can stand in the page."""
    from plotly.offline import get_plotlyjs

    script = str(get_plotlyjs()).replace("\r\n", "\n")
    for given, harmless in _IN_SCRIPT.items():
        script = script.replace(given, harmless)
    return script


def _head(
    history: SweepHistory, summary: Summary, around: Surroundings, titles: Sequence[str]
) -> Html:
    sweep = history.sweep
    aims = ", ".join(f"{it.direction.value} {one_line(it.name)}" for it in summary.goals.metrics)
    limits = "; ".join(one_line(constraint.text) for constraint in summary.goals.constraints)
    why = "" if summary.stopped_by is None else f", ended by {one_line(summary.stopped_by)}"
    state = tag("span", summary.state.value, class_=f"pill {summary.state.value}")
    facts = [
        f"{aims} subject to {limits}" if limits else aims,
        f"{one_line(sweep.who)} on {one_line(sweep.host)}",
        f"{figures.moment(sweep.started_at)}, took {figures.duration(summary.elapsed_s)}{why}",
    ]
    below = tag("p", state, *(tag("span", fact) for fact in facts), class_="facts")
    button = tag("button", "Dark", id="theme", type="button", title="Switch light and dark")
    top = tag("div", tag("span", "sweeper report", class_="brand"), button, class_="top")
    banner = running_words(summary, around.written)
    return tag(
        "header",
        top,
        tag("h1", summary.handle),
        below,
        Html() if banner is None else tag("div", banner, class_="banner", role="status"),
        _links(titles),
        tag("noscript", tag("p", "The plots need JavaScript; all figures are in the tables.")),
    )


def _links(titles: Sequence[str]) -> Html:
    """Return links to the sections that the page has, but for the first, which is in sight."""
    return tag("nav", join((tag("a", it, href=f"#{section_name(it)}") for it in titles[1:]), " "))


def _foot(around: Surroundings) -> Html:
    words = (
        f"Written by sweeper {around.version} on {around.written}. "
        "This file holds everything that it shows and asks for nothing over the network. "
        "Estimates are marked with ~; what is not known is said to be unknown."
    )
    return tag("footer", words)
