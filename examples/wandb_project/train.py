"""An ordinary Weights & Biases script: nothing in it knows of sweeper, and it runs alone as well.

Trains a linear classifier on scikit-learn's handwritten digits, epoch by epoch.
"""

import argparse

import numpy as np
import wandb
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def main():
    """Train with the arguments of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--penalty", default="l2")
    parser.add_argument("--alpha", type=float, default=1e-4)
    parser.add_argument("--epochs", type=int, default=9)
    run = wandb.init(project="digits", config=vars(parser.parse_args()))
    config = wandb.config

    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    train_images, val_images, train_labels, val_labels = split
    scaler = StandardScaler().fit(train_images)
    model = SGDClassifier(
        loss="log_loss",
        learning_rate="constant",
        eta0=config.learning_rate,
        penalty=config.penalty,
        alpha=config.alpha,
        random_state=0,
    )
    for epoch in range(config.epochs):
        model.partial_fit(scaler.transform(train_images), train_labels, classes=np.arange(10))
        wandb.log(
            {
                "epoch": epoch,
                "train_accuracy": model.score(scaler.transform(train_images), train_labels),
                "val_accuracy": model.score(scaler.transform(val_images), val_labels),
            }
        )
    run.finish()


if __name__ == "__main__":
    main()
