"""Sweep files that the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.load import LoadedSweep, load
from sweeper.errors import ConfigError

# The parameters come last, so that a test may add to them or start a key of its own.
HEAD = """\
objective: train.py:train
method: bayes
metric: {name: loss}
"""
MINIMAL = HEAD + "parameters:\n  lr: {min: 0.1, max: 1.0}\n"

# A program instead of an objective: three metrics, conditions, points to try first.
PROGRAM = """\
program: train.py
command: ["${env}", "${interpreter}", "${program}", "${args_json}", "--home=${envvar:HOME}"]
method: custom
metrics:
  - {name: val/acc, goal: maximize, take: last}
  - {name: energy_kwh, impute: worst}
parameters:
  kind: {values: [svm, forest]}
  svm:
    when: kind == 'svm'
    parameters:
      c: {distribution: log_uniform_values, min: 0.01, max: 100}
      kernel: {values: [linear, rbf]}
  trees: {distribution: q_uniform, min: 10, max: 60, q: 10, when: kind == 'forest'}
constraints: ["svm.c <= 10 or kind == 'forest'", "`val/acc` >= 0.5", latency_ms <= 20, cost <= 5]
enqueue:
  - {kind: forest, trees: 20}
  - {kind: svm, svm.kernel: rbf, svm: {c: 1.0}}
early_terminate:
  {type: patience, patience: 3, min_delta: 0.01, metric: val/acc, then: {type: asha, eta: 2}}
sampler: {type: nsga2, population_size: 8, mutation_prob: 0.2}
trial: {replicates: 3, grace: 1m}
stdout: {pattern: ['(?P<step>\\d+): (?P<latency_ms>.+) ms', '(?P<name>[\\w/]+)=(?P<value>\\S+)']}
"""

COMPLETE = """\
name: digits-mlp
description: How small can it be?
objective: examples/digits_mlp.py:train
method: bayes
metric: {name: val_accuracy, goal: maximize, target: 0.99, take: best}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  hidden: {values: [32, 64, 128, 256]}
  layers: {min: 1, max: 4}
  momentum: {min: 0.0, max: 0.95}
  dropout: {distribution: q_uniform, min: 0, max: 0.5, q: 0.1}
  optimizer: {value: {name: adam, betas: [0.9, 0.999]}}
early_terminate: {type: hyperband, min_iter: 3, eta: 3}
max_steps: 30
seed: 1
sampler: {type: tpe, n_startup_trials: 8, multivariate: true}
budget: {trials: 60, time: 2h, energy: 0.5 kWh, co2e: 200 g, cost: 5}
trial: {timeout: 30m, retries: 1, seed: 7, replicates: 2, energy: 50 Wh}
constraints: [hidden * layers <= 512, latency_ms <= 20]
enqueue: [{hidden: 64, layers: 2}]
resources: {cpus: 2, gpus: 0.5, memory: 4 GiB, workers: auto}
ray: {address: auto}
energy:
  {region: US-CA, carbon_intensity: 369 g/kWh, pue: 1.2, price_per_kwh: 0.15, currency: EUR,
   cloud_rate: 2.5, offset_price: 80, gpu_w: 300, gpu_idle_w: 70, idle: lease}
cache:
  url: postgresql://store.lab/results
  mode: off
  namespace: vision
  salt: "2"
  data: ["data/*.csv", {name: imagenet, version: 2012-3}]
  code: {policy: tree, include: ["*.py"], exclude: [scratch/*]}
  ignore: [layers]
"""


def load_text(folder: Path, text: str | bytes, *overrides: str) -> LoadedSweep:
    """Load a text as ``sweep.yaml`` of the working directory, which becomes ``folder``."""
    content = text.encode() if isinstance(text, str) else text
    (folder / "sweep.yaml").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return load("sweep.yaml", overrides, {"HOME": str(folder)})


def errors_of(folder: Path, text: str | bytes, *overrides: str) -> list[str]:
    """Return the lines of the error that loading a text raises."""
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, *overrides)
    return list(caught.value.problems)


def warnings_of(folder: Path, text: str | bytes, *overrides: str) -> list[str]:
    """Return the warnings that loading a text gives."""
    return list(load_text(folder, text, *overrides).warnings)
