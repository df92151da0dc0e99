"""Energy-aware hyperparameter sweeps: Optuna chooses, Ray trains, nothing is trained twice."""

from sweeper.trial import Trial, TrialStopped, measure, params, report

__all__ = ["Trial", "TrialStopped", "__version__", "measure", "params", "report"]

__version__ = "0.1.0"
