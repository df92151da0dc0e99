from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeper.compose.energy import (
    check_gpus,
    decided_by_joules,
    hardware_of,
    loaded_factors,
    unmeasurable,
)
from sweeper.config.load import LoadedSweep, load
from sweeper.energy.board import GpuLost, GpuProcess, ProcessSample
from sweeper.errors import ConfigError
from sweeper.testing.fake_nvml import build
from tests.cli.project import SWEEP, Project


class SilentBoard:
    """A board of which nothing can be read; implements ``Board``."""

    uuid = "GPU-0"
    name = "Mystery 9000"
    scope = "gpu"

    def counter_j(self) -> float | None:
        """Return nothing."""
        return None

    average_w = instant_w = legacy_w = limit_w = utilisation = temperature_c = counter_j

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return nothing."""
        return None

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return nothing."""
        return None

    def memory_bytes(self) -> int | None:
        """Return nothing."""
        return None


class LostBoard(SilentBoard):
    """A board that fell off the bus."""

    def counter_j(self) -> float | None:
        """Raise.

        Raises:
            GpuLost: Always.
        """
        raise GpuLost

    average_w = instant_w = legacy_w = limit_w = utilisation = temperature_c = counter_j


class PoweredBoard(SilentBoard):
    """A board whose power can be read."""

    uuid = "GPU-1"

    def legacy_w(self) -> float | None:
        """Return a power."""
        return 300.0


def loaded(tmp_path: Path, **keys: Any) -> LoadedSweep:
    """Load the sweep file with these keys in place of its own."""
    file = tmp_path / "sweep.yaml"
    file.write_text(SWEEP, encoding="utf-8")
    return load(file, [f"{key}={value}" for key, value in keys.items()])


def test_boards_of_which_nothing_is_known_are_named() -> None:
    """A board that can be read is none of them."""
    silent = unmeasurable([SilentBoard(), PoweredBoard()], None)
    assert silent == ("GPU-0 (Mystery 9000)",)
    assert unmeasurable([LostBoard()], None) == ("GPU-0 (Mystery 9000)",)


def test_declared_watts_are_a_way_out() -> None:
    """With ``energy.gpu_w`` every board has joules, and says that they are declared."""
    assert unmeasurable([SilentBoard()], 300.0) == ()


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        pytest.param({"budget.energy": "1 kWh"}, "budget.energy", id="budget-energy"),
        pytest.param({"budget.co2e": "1 kg"}, "budget.co2e", id="budget-co2e"),
        pytest.param({"budget.cost": 5}, "budget.cost", id="budget-cost"),
        pytest.param({"trial.energy": "5 Wh"}, "trial.energy", id="trial-energy"),
        pytest.param({"metric": "{name: energy_j, goal: minimize}"}, "metric.name", id="metric"),
        pytest.param(
            {"metric": "{name: inference_energy_j, goal: minimize}"}, "metric.name", id="region"
        ),
        pytest.param({"constraints": "[energy_kwh <= 0.4]"}, "constraints", id="constraint"),
        pytest.param({"metric": "{name: duration_s, goal: minimize}"}, None, id="time-only"),
        pytest.param({"budget.time": "1 h"}, None, id="budget-time"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_key_that_needs_joules_is_found(
    tmp_path: Path, keys: dict[str, object], key: str | None
) -> None:
    """Budgets, limits, objectives and constraints on joules; time needs none."""
    assert decided_by_joules(loaded(tmp_path, **keys).config) == key


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the fake library."""
    folder = tmp_path_factory.mktemp("nvml")
    build(folder)
    return folder


@pytest.mark.parametrize(
    ("override", "told"),
    [
        pytest.param("budget.energy=1 kWh", "budget.energy: needs joules, and of GPU-", id="no"),
        pytest.param("budget.trials=3", None, id="joules-decide-nothing"),
        pytest.param("energy={gpu_w: 300}", None, id="declared"),
    ],
)
def test_a_gpu_without_joules_is_refused_where_they_decide(
    tmp_path: Path,
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    override: str,
    told: str | None,
) -> None:
    """`check` names the key, the board, what was tried and the way out; others may train."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    for name, value in {"WATTS": "0", "LIMITS": "0", "NO_COUNTER": "1"}.items():
        monkeypatch.setenv(f"FAKE_NVML_{name}", value)
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", "def train(params):\n    yield 1, {'loss': 0.0}\n")
    budget = "trial: {energy: 5 Wh}\n" if "gpu_w" in override else ""
    project.write("sweep.yaml", f"{SWEEP}{budget}resources: {{gpus: 1}}\n")
    done = project.run("check", "sweep.yaml", override)
    if told is None:
        assert done.code == 0, done.err
        return
    assert done.code == 2, done.out
    assert told in done.err
    assert "energy.gpu_w: 300" in done.err


def test_cpu_only_sweeps_ask_nothing(tmp_path: Path) -> None:
    """No GPU is looked for where none is asked for."""
    check_gpus(loaded(tmp_path, **{"resources.gpus": 0, "budget.energy": "1 kWh"}), local=False)


@pytest.mark.parametrize(
    ("keys", "there"),
    [
        pytest.param({}, {}, id="defaults"),
        pytest.param({"energy.gpu_w": 300}, {"gpu_w": 300.0}, id="gpu-watts"),
        pytest.param({"energy.gpu_idle_w": 70}, {"gpu_idle_w": 70.0}, id="idle-watts"),
        pytest.param({"energy.idle": "lease"}, {"idle": "lease"}, id="policy"),
        pytest.param({"energy.idle": "active"}, {}, id="default-policy"),
        pytest.param(
            {"energy.gpu_w": 300, "energy.idle": "lease", "resources.gpus": 0}, {}, id="no-gpus"
        ),
        pytest.param({"energy.cpu_w_per_core": 9}, {"cpu_w_per_core": 9.0}, id="cpu-watts"),
    ],
)
def test_what_joules_are_worked_out_with_is_part_of_the_hardware(
    tmp_path: Path, keys: dict[str, object], there: dict[str, object]
) -> None:
    """Other watts or another rule for the idle draw give other joules; defaults are left out."""
    metric = "{name: energy_j, goal: minimize}"
    asked = {"resources.gpus": 1, "ray.address": "ray://head:10001", "metric": metric, **keys}
    found = hardware_of(loaded(tmp_path, **asked).config)
    assert isinstance(found, dict)
    assert {key: found[key] for key in found if key not in ("policy", "address")} == there


def test_hardware_matters_only_where_joules_do(tmp_path: Path) -> None:
    """Accuracy is the same on any machine."""
    assert hardware_of(loaded(tmp_path, **{"energy.gpu_w": 300}).config) is None


def test_prices_reach_the_factors(tmp_path: Path) -> None:
    """Rate, offset price and mix of the file are what figures are made with."""
    keys = {"cloud_rate": 2.5, "offset_price": 80, "mix": "{coal: 25, gas: 75}"}
    found = loaded_factors(loaded(tmp_path, **{f"energy.{key}": it for key, it in keys.items()}))
    assert (found.cloud_rate_per_gpu_h, found.offset_price_per_t) == (2.5, 80.0)
    assert found.g_per_kwh == pytest.approx(806.0)


def test_a_source_without_a_factor_is_an_error_at_its_key(tmp_path: Path) -> None:
    """The error is the sweep file's, with its line."""
    with pytest.raises(ConfigError, match=r"energy\.mix: no carbon intensity .* biomass"):
        loaded_factors(loaded(tmp_path, **{"energy.mix": "{biomass: 1}"}))
