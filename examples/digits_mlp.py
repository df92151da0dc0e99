"""Train a small neural network on scikit-learn's handwritten digits, epoch by epoch.

The objective is an ordinary generator: it yields a step and what was measured there. It can be
run alone, without any sweep:  python examples/digits_mlp.py
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


def load_data():
    """Return standardised training and validation images with their labels."""
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    train_images, valid_images, train_labels, valid_labels = split
    scaler = StandardScaler().fit(train_images)
    return (
        scaler.transform(train_images),
        scaler.transform(valid_images),
        train_labels,
        valid_labels,
    )


def train(params, trial=None):
    """Train for some epochs and yield the validation accuracy after each."""
    train_images, valid_images, train_labels, valid_labels = load_data()
    random = np.random.default_rng(trial.seed if trial else 0)
    network = MLPClassifier(
        hidden_layer_sizes=(params["hidden"],),
        activation=params["activation"],
        learning_rate_init=params["learning_rate"],
        batch_size=64,
        random_state=trial.seed if trial else 0,
    )
    for epoch in range(1, (trial.max_steps if trial else 30) + 1):
        noise = random.normal(scale=params["noise"], size=train_images.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a diverging network overflows
            network.partial_fit(train_images + noise, train_labels, classes=range(10))
        yield epoch, {"val_accuracy": network.score(valid_images, valid_labels)}


if __name__ == "__main__":
    params = {"learning_rate": 0.003, "hidden": 64, "activation": "relu", "noise": 0.3}
    for epoch, metrics in train(params):
        print(epoch, metrics)
