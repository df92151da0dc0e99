"""What every node agent must do: derive a test class from ``AgentCases`` and give it a ``bench``.

    class TestMyAgent(AgentCases):
        @pytest.fixture
        def bench(self) -> AgentBench: ...

Imports only the values and seams; pytest collects the derived class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sweeper.model import UNAVAILABLE
from sweeper.seams import Agent, Meter
from sweeper.testing.meter_cases import known, same, total

__all__ = ["AgentBench", "AgentCases"]


class AgentBench(Protocol):
    """Devices of constant draw, and agents that meter them."""

    gpus: Sequence[str]

    def agent(self) -> Agent:
        """Return a new agent on the same devices."""

    def new_pid(self) -> int:
        """Return the root of a new worker's process tree."""

    def run_for(self, elapsed_s: float) -> None:
        """Let the devices run at their draw; a multiple of 0.1 s, for real counters have steps."""

    def power_w(self) -> float:
        """Return the draw of all devices together."""


class AgentCases:
    """The contract of ``seams.Agent``, on devices of constant draw."""

    def test_all_accounts_sum_to_what_the_boards_used(self, bench: AgentBench) -> None:
        """Trials that overlap in any way, and overhead, are everything, and nothing twice."""
        agent = bench.agent()
        meters = [begun(bench, agent, name, 0.25) for name in "abc"]
        booked_j = []
        for opened, closed in [(0, None), (1, None), (None, 0), (2, 1), (0, 2), (None, 0)]:
            bench.run_for(70.0)
            if opened is not None:
                meters[opened].open()
            bench.run_for(7.0)
            if closed is not None:
                booked_j.append(meters[closed].close().total_j)
        bench.run_for(3.0)
        booked_j += [meter.overhead().total_j for meter in meters]
        same(total(booked_j), (6 * 77.0 + 3.0) * bench.power_w())

    def test_a_worker_alone_on_its_boards_has_everything(self, bench: AgentBench) -> None:
        """A booked fraction is no partition: alone, a trial causes all of the draw."""
        agent = bench.agent()
        meter = begun(bench, agent, "a", 0.25)
        meter.open()
        bench.run_for(80.0)
        same(meter.close().total_j, 80.0 * bench.power_w())

    def test_boards_tell_overhead_and_everything(self, bench: AgentBench) -> None:
        """Per board: overhead, and what was used since the agent began."""
        agent = bench.agent()
        bench.run_for(5.0)
        meter = begun(bench, agent, "a", 1.0)
        bench.run_for(5.0)
        meter.open()
        bench.run_for(80.0)
        trial_j = meter.close().total_j
        boards = agent.boards()
        assert len({board.uuid for board in boards}) == len(boards) == len(bench.gpus)
        same(total([board.energy_j for board in boards]), 10.0 * bench.power_w())
        same(total([board.device_j for board in boards]), 90.0 * bench.power_w())
        same(known(trial_j), 80.0 * bench.power_w())
        same(total([board.external_j for board in boards]), 0.0)

    def test_a_board_that_nobody_was_given_has_no_line(self, bench: AgentBench) -> None:
        """What is nobody's is not reported."""
        agent = bench.agent()
        bench.run_for(5.0)
        assert agent.boards() == ()

    def test_parts_of_overhead_sum_to_the_whole(self, bench: AgentBench) -> None:
        """What no trial used is dealt out among the workers that have begun, and those only."""
        agent = bench.agent()
        bench.run_for(4.0)
        left = begun(bench, agent, "left", 0.5)
        bench.run_for(4.0)
        right = begun(bench, agent, "right", 0.5)
        bench.run_for(2.0)
        same(total(overheads(left, right)), 10.0 * bench.power_w())
        agent.retire("left")
        bench.run_for(2.0)
        same(right.overhead().total_j, 12.0 * bench.power_w())

    def test_a_retired_worker_leaves_its_account(self, bench: AgentBench) -> None:
        """What a worker that was killed had open is closed at once, and kept."""
        agent = bench.agent()
        left, right = (begun(bench, agent, name, 0.5) for name in ("left", "right"))
        left.open()
        bench.run_for(70.0)
        kept_j = known(agent.retire("left").total_j)
        same(kept_j, 70.0 * bench.power_w())
        bench.run_for(10.0)
        assert agent.retire("left") == UNAVAILABLE
        same(kept_j + known(right.overhead().total_j), 80.0 * bench.power_w())

    def test_who_left_nothing_open_leaves_nothing(self, bench: AgentBench) -> None:
        """A worker between trials, and one that nobody knows, have no open account."""
        agent = bench.agent()
        meter = begun(bench, agent, "a", 1.0)
        meter.open()
        bench.run_for(70.0)
        meter.close()
        assert agent.retire("a") == UNAVAILABLE
        assert agent.retire("nobody") == UNAVAILABLE
        assert (meter.read(), meter.close(), meter.overhead()) == (None, UNAVAILABLE, UNAVAILABLE)

    def test_a_worker_comes_back_under_another_name(self, bench: AgentBench) -> None:
        """A replaced worker goes on where the lost one stopped: the books still close."""
        agent = bench.agent()
        first = begun(bench, agent, "a", 1.0)
        first.open()
        bench.run_for(70.0)
        lost_j = agent.retire("a").total_j
        bench.run_for(5.0)
        second = begun(bench, agent, "b", 1.0)
        second.open()
        bench.run_for(70.0)
        booked_j = [lost_j, second.close().total_j, second.overhead().total_j]
        same(total(booked_j), 145.0 * bench.power_w())

    def test_two_agents_do_not_disturb_each_other(self, bench: AgentBench) -> None:
        """Agents of two sweeps on one node each have books that close."""
        agents = [bench.agent(), bench.agent()]
        meters = [begun(bench, agent, "a", 1.0) for agent in agents]
        meters[0].open()
        bench.run_for(70.0)
        agents[1].retire("a")
        agents[1].end()
        same(meters[0].close().total_j, 70.0 * bench.power_w())
        same(meters[0].overhead().total_j, 0.0)

    def test_an_agent_may_end_twice(self, bench: AgentBench) -> None:
        """Ending is no event."""
        agent = bench.agent()
        agent.end()
        agent.end()


def begun(bench: AgentBench, agent: Agent, worker: str, share: float) -> Meter:
    """Return the meter of a new worker, with its books open."""
    meter = agent.meter(worker, bench.new_pid())
    meter.begin(bench.gpus, share)
    return meter


def overheads(*meters: Meter) -> list[float | None]:
    """Return what each worker used outside trials."""
    return [meter.overhead().total_j for meter in meters]
