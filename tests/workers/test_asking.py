"""An objective that knows what a training would show is asked here; one that trains is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sweeper.errors import PoolError
from sweeper.workers.asking import Asker
from sweeper.workers.objective import locate

MakeAsker = Callable[..., Asker]


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[MakeAsker]:
    """Return what makes an asker of an objective's text; its folder is removed at the end."""
    made: list[Asker] = []

    def make(text: str, max_steps: int | None = None) -> Asker:
        (tmp_path / "know.py").write_text(text, encoding="utf-8")
        made.append(Asker(locate("know.py:train", tmp_path), max_steps))
        return made[-1]

    yield make
    for it in made:
        it.close()


REPORTS = """
import random
def train(params, trial):
    print("noise on standard output")
    for step in range(1, 6):
        trial.report(step, loss=params["x"] + random.random(), energy_j=5.0 * step)
"""


def test_it_answers_with_all_reports(asker: MakeAsker, capsys: pytest.CaptureFixture[str]) -> None:
    """Every report with its joules, seeded by the seed, up to the horizon; nothing is printed."""
    asked = asker(REPORTS, max_steps=3)
    found = asked.ask({"x": 1.0}, 7)
    assert [step for step, _ in found] == [1, 2, 3]
    assert [metrics["energy_j"] for _, metrics in found] == [5.0, 10.0, 15.0]
    assert asked.ask({"x": 1.0}, 7) == found
    assert asked.ask({"x": 1.0}, 8) != found
    assert capsys.readouterr().out == ""


def test_it_does_not_train_for_real(asker: MakeAsker, tmp_path: Path) -> None:
    """Without declared joules it is ended at its first report."""
    text = """
from pathlib import Path
def train(params, trial):
    for step in range(1, 100):
        Path(__file__).with_name("steps").write_text(str(step))
        trial.report(step, loss=1.0)
"""
    with pytest.raises(PoolError, match="reports no energy_j, so it seems to train for real"):
        asker(text).ask({}, 0)
    assert (tmp_path / "steps").read_text() == "1"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no such row')", "failed with ValueError: no such row"),
        ("pass", "reported nothing"),
        ("return None", "reported nothing"),
    ],
)
def test_what_cannot_answer_says_why(asker: MakeAsker, body: str, words: str) -> None:
    """An error of the objective is told with its words."""
    with pytest.raises(PoolError, match=words):
        asker(f"def train(params, trial):\n    {body}\n").ask({}, 0)
