"""What workers and boards used outside trials, put together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweeper.model import CUT_SHORT, NOTHING, UNAVAILABLE, Energy, GpuEnergy
from sweeper.workers.overheads import Overheads, with_boards


def board(overhead_j: float | None, uuid: str = "GPU-1") -> GpuEnergy:
    """Return an agent's line of a board."""
    return GpuEnergy(uuid, "H200", overhead_j, device_j=900.0, idle_j=5.0, external_j=7.0)


def account(part_j: float | None, *, cpu_j: float | None = None, uuid: str = "GPU-1") -> Energy:
    """Return a worker's account: its part of a board and, in its scope, its CPU."""
    line = GpuEnergy(uuid, "H200", part_j)
    if part_j is None or cpu_j is None:
        return Energy(part_j, "measured:counter", "gpu", gpus=(line,))
    return Energy(part_j + cpu_j, "measured:rapl", "gpu+cpu", gpus=(line,))


def of_workers(*names: str, node: str | None = "node") -> Overheads:
    """Return the books of these workers."""
    overheads = Overheads()
    for name in names:
        overheads.hired(name, node)
    return overheads


def test_parts_of_all_workers_are_the_boards() -> None:
    """Nothing is counted twice: the boards' lines replace the parts, the total stays."""
    overheads = of_workers("a", "b")
    whole = overheads.whole({"a": account(30.0), "b": account(20.0)}, {"node": [board(50.0)]})
    assert (whole.total_j, whole.idle_j, whole.gpus) == (50.0, 5.0, (board(50.0),))
    assert (whole.source, whole.scope, whole.flags) == ("measured:counter", "gpu", ())


def test_what_no_worker_says_the_boards_know() -> None:
    """The last worker of a board is gone, or booked nothing of it: the rest is added."""
    overheads = of_workers("a", "gone")
    lines = [board(50.0), board(9.0, "GPU-2")]
    assert overheads.whole({"a": account(30.0)}, {"node": lines}).total_j == 59.0


def test_boards_speak_for_workers_that_are_all_gone() -> None:
    """With nobody left to ask, the agents' books are the overhead."""
    whole = of_workers("gone").whole({}, {"node": [board(50.0)]})
    assert (whole.total_j, whole.source, whole.scope) == (50.0, "measured:counter", "gpu")
    assert whole.flags == ()


def test_cpu_joules_of_a_lost_worker_are_missing_and_said_to_be() -> None:
    """The agent knows GPUs only: where the CPU counts, the sum is the least."""
    overheads = of_workers("a", "gone")
    overheads.said("gone", 25.0)
    whole = overheads.whole({"a": account(30.0, cpu_j=4.0)}, {"node": [board(50.0)]})
    assert (whole.total_j, whole.lo_j, whole.flags) == (54.0, 54.0, (CUT_SHORT,))


@pytest.mark.parametrize("node", ["node", None], ids=["dead agent", "no agent"])
def test_without_an_agent_a_lost_workers_last_word_counts(node: str | None) -> None:
    """The least that it used, flagged so."""
    overheads = of_workers("a", "gone", node=node)
    overheads.said("gone", 25.0)
    overheads.said("gone", None)
    whole = overheads.whole({"a": account(30.0)}, {})
    assert (whole.total_j, whole.flags) == (55.0, (CUT_SHORT,))


def test_last_words_alone_have_no_known_source() -> None:
    """Everybody was killed: what they said is the least, of whatever source."""
    overheads = of_workers("a", "b", node=None)
    overheads.said("a", 3.0)
    overheads.said("stranger", 100.0)
    whole = overheads.whole({}, {})
    assert (whole.total_j, whole.source, whole.flags) == (3.0, "unknown", (CUT_SHORT,))


def test_who_said_nothing_is_unknown() -> None:
    """No account, no board, no word: null, never 0."""
    assert of_workers("a").whole({}, {}) == UNAVAILABLE
    assert Overheads().whole({}, {}) == UNAVAILABLE


def test_one_unknown_part_makes_the_sum_unknown() -> None:
    """What a worker does not know is not filled up from what it did not mean."""
    overheads = of_workers("a", "b")
    accounts = {"a": account(30.0), "b": account(None)}
    assert overheads.whole(accounts, {"node": [board(50.0)]}).total_j is None
    assert with_boards(NOTHING, [board(None)]).total_j is None
    assert with_boards(account(3.0), [board(None)]).total_j == 3.0


def test_without_boards_workers_have_the_last_word() -> None:
    """No agent answers: nothing is added, no line is lost."""
    said = replace(account(30.0), flags=("agent_lost",))
    assert with_boards(said, ()) == said
