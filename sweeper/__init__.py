"""Energy-aware hyperparameter sweeps: Optuna chooses, Ray trains, nothing is trained twice."""

from sweeper.trial import Trial, TrialStopped

__all__ = ["Trial", "TrialStopped", "__version__"]

__version__ = "0.1.0"
