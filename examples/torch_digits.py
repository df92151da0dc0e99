"""Train a small PyTorch network on scikit-learn's handwritten digits, epoch by epoch.

The objective is an ordinary function that reports; it also runs alone:
python examples/torch_digits.py
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


def load_data():
    """Return training and validation images with their labels, as tensors."""
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / 16, labels, test_size=0.25, random_state=0, stratify=labels)
    train_images, valid_images, train_labels, valid_labels = map(torch.tensor, split)
    return train_images.float(), valid_images.float(), train_labels, valid_labels


def build(params):
    """Return the network that the parameters describe."""
    layers, width = [], 64
    for _ in range(params["layers"]):
        layers += [nn.Linear(width, params["hidden"]), nn.ReLU(), nn.Dropout(params["dropout"])]
        width = params["hidden"]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def optimizer_of(network, params):
    """Return the optimizer: a nested group of the sweep file; momentum is there with SGD only."""
    chosen = params["optimizer"]
    if chosen["name"] == "sgd":
        return torch.optim.SGD(network.parameters(), chosen["lr"], momentum=chosen["momentum"])
    return torch.optim.Adam(network.parameters(), chosen["lr"])


def train(params, trial=None):
    """Train for some epochs and report the validation accuracy after each."""
    train_images, valid_images, train_labels, valid_labels = load_data()
    network = build(params)
    optimizer = optimizer_of(network, params)
    for epoch in range(1, (trial.max_steps if trial else 9) + 1):
        network.train()
        for batch in torch.randperm(len(train_images)).split(64):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(train_images[batch]), train_labels[batch])
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            right = network(valid_images).argmax(dim=1) == valid_labels
        accuracy = right.float().mean().item()
        if trial:
            trial.report(epoch, val_accuracy=accuracy)
        else:
            print(epoch, accuracy)


if __name__ == "__main__":
    adam = {"name": "adam", "lr": 0.003}
    train({"layers": 1, "hidden": 64, "dropout": 0.1, "optimizer": adam})
