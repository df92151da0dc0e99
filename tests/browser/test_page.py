"""The page in a real browser: it opens from disk, draws, switches, and asks for nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.reporting.page_samples import constrained_goals, hostile, mixed, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_OPENS_S = 3.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=_ARGUMENTS, timeout=60_000
        )
        yield started
        started.close()


class Opened:
    """A page that is open, and what it did."""

    def __init__(self, browser: Browser, file: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        began = time.monotonic()
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-drawn]", timeout=60_000)
        self.opened_s = time.monotonic() - began
        self.page.wait_for_selector("html[data-drawn=yes]", timeout=60_000)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def run(self, script: str) -> Any:
        """Run a script in the page."""
        return self.page.evaluate(script)


def written(folder: Path, page: str) -> Path:
    """Put a page on the disk."""
    folder.mkdir(exist_ok=True)
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    return file


# Points that each plot really drew, counted in the SVG.
_DRAWN = """() => Object.fromEntries([...document.querySelectorAll('.plot')].map(place =>
    [place.id, place.querySelectorAll('.points path, .lines path, .js-line').length]))"""


def test_it_opens_and_draws(browser: Browser, tmp_path: Path) -> None:
    """From disk: no error, no request to anywhere, and every plot has marks."""
    with Opened(browser, written(tmp_path, page_of(mixed()))) as opened:
        assert opened.said == []
        assert [
            url for url in opened.asked if not url.startswith(("file:", "data:", "blob:"))
        ] == []
        assert len([url for url in opened.asked if url.startswith("file:")]) == 1
        drawn = opened.run(_DRAWN)
        assert {
            "plot-best",
            "plot-trials",
            "plot-curves",
            "plot-importances",
            "plot-parallel",
            "plot-slice-0",
            "plot-time",
            "plot-energy",
        } <= set(drawn)
        assert all(count > 0 for count in drawn.values()), drawn


def test_a_sweep_without_trials_has_a_page(browser: Browser, tmp_path: Path) -> None:
    """What cannot be drawn is said, and nothing fails for it."""
    with Opened(browser, written(tmp_path, page_of(mixed(0)))) as opened:
        assert opened.said == []
        assert "No trial has ended" in opened.page.inner_text("#search")


def test_several_objectives_have_a_front(browser: Browser, tmp_path: Path) -> None:
    """With two objectives the front is drawn through its trials."""
    history = mixed(several=True)
    with Opened(browser, written(tmp_path, page_of(history, constrained_goals()))) as opened:
        assert opened.said == []
        names = opened.run("() => document.getElementById('plot-trials').data.map(t => t.name)")
        assert "Pareto front" in names


@pytest.mark.parametrize(("scheme", "first"), [("light", "light"), ("dark", "dark")])
def test_themes_switch(browser: Browser, tmp_path: Path, scheme: Any, first: str) -> None:
    """The page follows the system, and its button turns page and plots round."""
    look = """() => [document.documentElement.dataset.theme,
        getComputedStyle(document.body).backgroundColor,
        document.getElementById('plot-best').layout.paper_bgcolor,
        document.getElementById('plot-best').layout.font.color]"""
    file = written(tmp_path, page_of(mixed(10)))
    with Opened(browser, file, color_scheme=scheme) as opened:
        before = opened.run(look)
        assert before[0] == first
        opened.page.click("#theme")
        after = opened.run(look)
        assert all(old != new for old, new in zip(before, after, strict=True))
        opened.run("window.dispatchEvent(new Event('beforeprint'))")
        assert opened.page.is_hidden("#theme")
        assert opened.run(look)[0] == "light"
        opened.run("window.dispatchEvent(new Event('afterprint'))")
        assert opened.run(look) == after


def test_a_phone_scrolls_down_only(browser: Browser, tmp_path: Path) -> None:
    """On 390 pixels nothing sticks out."""
    viewport: Any = {"width": 390, "height": 844}
    with Opened(browser, written(tmp_path, page_of(mixed())), viewport=viewport) as opened:
        assert opened.run("document.documentElement.scrollWidth") <= 390


def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    """What a user names stays text in a browser, too, also where plotly draws it."""
    history, goals = hostile()
    page = page_of(history, goals, importances={goals.first.name: 1.0})
    with Opened(browser, written(tmp_path, page)) as opened:
        opened.page.wait_for_timeout(200)
        assert opened.run("window.stolen") is None
        assert opened.said == []
        assert opened.run("document.querySelectorAll('img').length") == 0


def test_a_thousand_trials_open_at_once(browser: Browser, tmp_path: Path) -> None:
    """Text and first plot of a thousand trials are there within three seconds.

    On a machine too busy for that they take at most twice as long as those of ten trials.
    """
    small, large = (written(tmp_path / str(count), page_of(mixed(count))) for count in (10, 1000))
    took = []
    for _ in range(3):
        with Opened(browser, small) as few, Opened(browser, large) as many:
            assert many.said == []
            took.append((many.opened_s, few.opened_s))
        if many.opened_s < _OPENS_S:
            break
    assert any(many_s < max(_OPENS_S, 2 * few_s) for many_s, few_s in took), took
