"""How much each parameter decides whether a trial is among the best, by Optuna's own PED-ANOVA.

Owns: the way from trials to that figure. What cannot be said is said so.

Source: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
Importance in Arbitrary Subspaces", IJCAI 2023.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.trial import create_trial

from sweeper.errors import SpaceError
from sweeper.model import Direction, Params, Space
from sweeper.search.encoding import Encoding
from sweeper.search.flat import flatten

__all__ = ["importances"]

_ENOUGH = 4  # complete trials before anything can be said


def importances(
    space: Space, trials: Sequence[tuple[Params, float]], direction: Direction
) -> Mapping[str, float] | str:
    """Return the share that each parameter explains, by dotted path; or why it is unknown.

    Args:
        space: The parameters.
        trials: Params and value of each complete trial.
        direction: Which way the value gets better.
    """
    if len(trials) < _ENOUGH:
        return f"it takes {_ENOUGH} complete trials, there are {len(trials)}"
    if len({value for _, value in trials}) < 2:
        return "all complete trials have the same value"
    encoding = Encoding(flatten(space))
    names = {leaf.name: leaf.dotted for leaf in encoding.space.leaves}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=direction.value)
    try:
        for params, value in trials:
            point = encoding.read(params)
            distributions = {name: encoding.distributions[name] for name in point.drawn}
            study.add_trial(
                create_trial(params=dict(point.drawn), distributions=distributions, value=value)
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (SpaceError, ValueError, RuntimeError) as error:
        return str(error).partition("\n")[0]
    return {names[name]: float(share) for name, share in found.items()}
