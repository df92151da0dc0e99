"""Choose a classifier for scikit-learn's wine data, each kind with parameters of its own.

One number at the end: the objective returns its metrics. Alone:  python examples/classifiers.py
"""

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def classifier(params, seed):
    """Return the classifier that the parameters describe."""
    if params["kind"] == "svm":
        return SVC(C=params["svm"]["c"], kernel=params["svm"]["kernel"])
    if params["kind"] == "neighbours":
        return KNeighborsClassifier(params["neighbours"], weights=params["weights"])
    return RandomForestClassifier(params["trees"], random_state=seed)


def train(params, trial=None):
    """Return the cross-validated accuracy."""
    images, labels = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), classifier(params, trial.seed if trial else 0))
    return {"accuracy": cross_val_score(model, images, labels, cv=5).mean()}


if __name__ == "__main__":
    print(train({"kind": "neighbours", "neighbours": 5, "weights": "uniform"}))
