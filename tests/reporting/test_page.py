"""The page of a sweep as text: whole, harmless, and with the summary's own figures."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from sweeper.model import SweepState, TrialState
from sweeper.reporting import figures
from sweeper.reporting.closing import summary_lines
from sweeper.reporting.documents import sweep_json
from sweeper.reporting.energy_shares import energy_shares
from sweeper.reporting.markdown import markdown_report
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.page.document import sweep_page
from sweeper.testing.histories import history_of, trial_row
from tests.reporting.page_samples import HOSTILE, around, hostile, mixed, page_of, summarized


class _Reader(HTMLParser):
    """Collects what a browser would see of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.words: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "title"):
            self._inside.append(dict(attrs).get("id") or tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "title"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside:
            name = self._inside[-1]
            self.scripts[name] = self.scripts.get(name, "") + data
        else:
            self.words.append(data)


def read(page: str) -> _Reader:
    """Read a page."""
    reader = _Reader()
    reader.feed(page)
    return reader


def test_the_page_asks_for_nothing() -> None:
    """No element of the page loads anything from anywhere."""
    reader = read(page_of(mixed()))
    for name, attributes in reader.tags:
        assert name not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "srcset", "action"} & set(attributes), name
        assert (attributes.get("href") or "#").startswith("#"), name
    policy = [a["content"] for n, a in reader.tags if a.get("http-equiv") is not None]
    assert policy
    assert "default-src 'none'" in str(policy[0])


def test_the_page_holds_the_documented_json() -> None:
    """A program finds in the page what `show --json` prints."""
    history = mixed()
    summary = summarized(history)
    found = json.loads(read(page_of(history)).scripts["sweep"])
    assert found == json.loads(json.dumps(sweep_json(history, summary)))


def test_the_figures_are_those_of_the_terminal() -> None:
    """Result, energy, emissions and saving stand on the page as on the terminal, to the letter."""
    history = mixed()
    summary = summarized(history)
    words = " ".join(read(page_of(history)).words)
    terminal = "\n".join(summary_lines(summary))
    saving = summary.saving
    assert saving is not None
    assert saving.counterfactual_j is not None
    for written in (
        figures.energy(summary.energy.spent_j),
        figures.co2e(summary.co2e_g),
        figures.energy(saving.counterfactual_j.value),
        figures.metric(summary.best.value if summary.best else None),
    ):
        assert written in words
        assert written in terminal


def test_where_the_energy_went_adds_up() -> None:
    """The bars are a partition of what was consumed."""
    history = mixed(200)
    summary = summarized(history)
    shares = energy_shares(history, summary, trials_of(history))
    joules = [it.energy.energy_j or 0.0 for it in shares]
    assert sum(joules) == pytest.approx(summary.energy.spent_j)
    assert [it.name for it in shares] == [
        "trials trained to their end",
        "pruned trials",
        "failed trials",
        "overhead of the workers",
    ]


def test_nothing_that_a_user_names_is_markup() -> None:
    """Hostile names of sweep, metric, parameter, value and cause stay text everywhere."""
    history, goals = hostile()
    page = page_of(
        history,
        goals,
        environment=((HOSTILE, HOSTILE),),
        config=HOSTILE,
        importances={HOSTILE: 1.0},
    )
    reader = read(page)
    assert [name for name, _ in reader.tags].count("script") == 5
    assert not any(name == "img" for name, _ in reader.tags)
    assert not any(key.startswith("on") for _, attributes in reader.tags for key in attributes)
    drawn = json.dumps(json.loads(reader.scripts["figures"]))
    assert "<img" not in drawn
    assert "<script" not in drawn
    assert HOSTILE in json.loads(reader.scripts["sweep"])["best"]["params"]


def test_markdown_is_harmless_and_has_the_figures() -> None:
    """Hostile names cannot end a block, start markup or break a table."""
    history, goals = hostile()
    text = markdown_report(history, summarized(history, goals), around(config=HOSTILE))
    outside = re.sub(r"^```\w+$.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<img" not in outside
    assert "<script" not in outside
    plain = mixed()
    summary = summarized(plain)
    report = markdown_report(plain, summary, around())
    assert figures.energy(summary.energy.spent_j) in report
    rows = [line for line in report.splitlines() if re.match(r"\| \d+ \| (complete|pruned)", line)]
    assert len(rows) == 35
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_a_running_sweep_says_so() -> None:
    """The page of a running sweep says so on top, with its time, and claims no saving."""
    page = page_of(mixed(state=SweepState.RUNNING))
    words = " ".join(read(page).words)
    assert "still running" in words
    assert "2026-11-23 16:00 UTC" in words
    assert "not claimed" in words


def test_empty_sweeps_have_a_page() -> None:
    """A sweep without a trial says so; all that it drew is what its workers consumed."""
    reader = read(page_of(mixed(0)))
    assert list(json.loads(reader.scripts["figures"])) == ["plot-energy"]
    assert "No trial has ended" in " ".join(reader.words)


def test_what_cannot_be_drawn_says_why() -> None:
    """A sweep whose trials all failed has a reason in the place of each plot."""
    history = history_of(
        *(trial_row(it, [], state=TrialState.FAILED, cause="error: E: e") for it in range(3))
    )
    around_it = around(importances=None, no_importances="it takes 4 complete trials")
    page = sweep_page(history, summarized(history), around_it)
    words = " ".join(read(page).words)
    assert "importances unknown: it takes 4 complete trials" in words
    assert "no trial has a value" in words
    assert "no trial reported a value" in words


def test_a_large_page_is_small_enough() -> None:
    """A thousand trials stay under eight megabytes."""
    assert len(page_of(mixed(1000)).encode()) < 8_000_000
