"""How many different points two hundred trials train, beside plain Optuna.

Run it:  python benchmarks/duplicates.py [--workers 4] [--seeds 5] [SAMPLER ...]
A space of 240 points, one smooth loss; prints the median over the seeds, per sampler. ``gp`` takes
minutes per seed and runs only when it is named; it needs PyTorch.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeper.model import (
    Categorical,
    Direction,
    Goals,
    IntUniform,
    Metric,
    Params,
    Proposal,
    Quantized,
    Space,
    TrialState,
    Uniform,
)
from sweeper.search.build import StudySettings, build_study
from sweeper.search.drawing import ask_seed
from sweeper.search.samplers import sampler_factory

TRIALS = 200
SPACE: Space = {
    "layers": IntUniform(1, 6),
    "optimizer": Categorical(("adam", "sgd", "rmsprop", "lion")),
    "dropout": Quantized(Uniform(0, 0.9), 0.1),
}
PLAIN: dict[str, BaseDistribution] = {
    "layers": IntDistribution(1, 6),
    "optimizer": CategoricalDistribution(("adam", "sgd", "rmsprop", "lion")),
    "dropout": FloatDistribution(0, 0.9, step=0.1),
}
GOALS = Goals.of(Metric("loss", Direction.MINIMIZE))
SAMPLERS = ("random", "tpe", "cmaes", "nsga2", "qmc")


def loss_of(params: Params) -> float:
    """Return a loss with its best point at four layers of lion with a dropout of 0.3."""
    kind = ("lion", "adam", "rmsprop", "sgd").index(params["optimizer"])
    return float((params["layers"] - 4) ** 2 + 10 * (params["dropout"] - 0.3) ** 2 + kind)


def plain_optuna(sampler: str, workers: int, seed: int) -> int:
    """Train 200 trials by ask and tell; return how many different points they were."""
    study = optuna.create_study(sampler=sampler_factory(sampler, {}, seed)(ask_seed(seed, 0)))
    running: list[optuna.Trial] = []
    seen: set[str] = set()
    for _ in range(TRIALS):
        trial = study.ask(PLAIN)
        seen.add(repr(sorted(trial.params.items())))
        running.append(trial)
        if len(running) >= workers:
            ended = running.pop(0)
            study.tell(ended, loss_of(ended.params))
    return len(seen)


def ours(sampler: str, workers: int, seed: int) -> tuple[int, int]:
    """Train 200 trials; return how many different points they were, and how often was asked."""
    study = build_study(StudySettings(SPACE, GOALS, sampler, seed))
    running: list[Proposal] = []
    trained: list[str] = []
    asked = 0
    while len(trained) < TRIALS:
        proposal = study.ask()
        assert proposal is not None
        asked += 1
        if proposal.twin is None:
            trained.append(repr(proposal.params))
            running.append(proposal)
        else:  # it shares the outcome of its twin and costs nothing
            study.tell(proposal.number, TrialState.COMPLETE, [loss_of(proposal.params)])
        if len(running) >= workers:
            ended = running.pop(0)
            study.tell(ended.number, TrialState.COMPLETE, [loss_of(ended.params)])
    return len(set(trained)), asked


def main() -> None:
    """Count for each sampler and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("samplers", nargs="*", default=SAMPLERS)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    print(
        f"different points of {TRIALS} trained trials, space of 240, {arguments.workers} in flight"
    )
    print(f"{'sampler':9} {'plain Optuna':>13} {'sweeper':>8} {'asks':>6}")
    for sampler in arguments.samplers:
        print(row(sampler, arguments.workers, range(arguments.seeds)), flush=True)


def row(sampler: str, workers: int, seeds: Sequence[int]) -> str:
    """Return one line of the table."""
    plain = statistics.median(plain_optuna(sampler, workers, seed) for seed in seeds)
    counts = [ours(sampler, workers, seed) for seed in seeds]
    different = statistics.median(count for count, _ in counts)
    asks = statistics.median(asks for _, asks in counts)
    return f"{sampler:9} {plain:13.0f} {different:8.0f} {asks:6.0f}"


if __name__ == "__main__":
    main()
