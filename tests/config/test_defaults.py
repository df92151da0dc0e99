from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.defaults import defaults_file
from sweeper.config.load import LoadedSweep, load
from sweeper.errors import ConfigError
from tests.config.sweeps import MINIMAL

FULL = """\
energy: {region: FRA, pue: 1.3, price_per_kwh: 0.2, currency: EUR}
ray: {address: auto}
resources: {cpus: 4, workers: 3}
cache: {url: 'sqlite:///shared.db', mode: off}
"""


class Home:
    """A user's home folder with a sweep file and defaults."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = defaults_file({"HOME": str(folder)})
        self.file.parent.mkdir(parents=True)

    def load(self, defaults: str | bytes, sweep: str = "", *overrides: str) -> LoadedSweep:
        """Load the minimal sweep file with more keys from line 6 on, over these defaults."""
        self.file.write_bytes(defaults.encode() if isinstance(defaults, str) else defaults)
        file = self._folder / "sweep.yaml"
        file.write_text(MINIMAL + sweep)
        return load(file, overrides, {"HOME": str(self._folder)})

    def errors(self, defaults: str | bytes, sweep: str = "", *overrides: str) -> list[str]:
        """Return the errors, with the files' short names."""
        with pytest.raises(ConfigError) as caught:
            self.load(defaults, sweep, *overrides)
        return [line.replace(f"{self.file.parent}/", "") for line in caught.value.problems]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_defaults_fill_in_what_the_file_leaves_open(home: Home) -> None:
    """Each section of the defaults arrives where the sweep file says nothing."""
    loaded = home.load(FULL)
    config = loaded.config
    assert (config.energy.region, config.energy.pue, config.energy.currency) == ("FRA", 1.3, "EUR")
    assert (config.ray.address, config.resources.cpus, config.resources.workers) == ("auto", 4.0, 3)
    assert (config.cache.url, config.cache.mode.value) == ("sqlite:///shared.db", "off")
    assert loaded.warnings == ()


def test_the_file_wins_and_the_command_line_over_both(home: Home) -> None:
    """Key by key; a section without a value says nothing, ``null`` takes a default back."""
    sweep = "ray:\nresources: {cpus: 2}\ncache: {url: null}\n"
    config = home.load(FULL, sweep, "resources.workers=7", "energy.pue=2").config
    assert (config.resources.cpus, config.resources.workers) == (2.0, 7)
    assert (config.energy.pue, config.energy.region) == (2.0, "FRA")
    assert (config.cache.url, config.cache.mode.value) == (None, "off")
    assert config.ray.address == "auto"
    assert home.load(FULL, "", "ray.address=null").config.ray.address is None


def test_what_belongs_together_comes_from_one_file(home: Home) -> None:
    """A region beats the defaults' intensity, and a price is not in the defaults' currency."""
    defaults = "energy: {carbon_intensity: 20, price_per_kwh: 0.2, currency: EUR, pue: 1.1}\n"
    energy = home.load(defaults, "energy: {region: POL, price_per_kwh: 0.1}\n").config.energy
    assert (energy.region, energy.carbon_intensity_g_per_kwh) == ("POL", None)
    assert (energy.price_per_kwh, energy.currency, energy.pue) == (0.1, "USD", 1.1)


@pytest.mark.parametrize(
    ("defaults", "sweep", "left"),
    [
        ("carbon_intensity: 20", "mix: {wind: 1}", {"mix": {"wind": 1.0}}),
        ("mix: {wind: 1}", "carbon_intensity: 20", {"carbon_intensity": 20.0}),
        ("mix: {wind: 1}", "region: POL", {"region": "POL"}),
        ("price_per_kwh: 0.2, currency: EUR", "cloud_rate: 2", {"cloud_rate": 2.0}),
        ("cloud_rate: 2, currency: EUR", "offset_price: 80", {"offset_price": 80.0}),
        ("gpu_idle_w: 70", "gpu_w: 50", {"gpu_w": 50.0}),
    ],
)
def test_what_excludes_or_bounds_each_other_comes_from_one_file(
    home: Home, defaults: str, sweep: str, left: dict[str, object]
) -> None:
    """Neither intensities, nor prices of two currencies, nor watts of two GPUs meet."""
    energy = home.load(f"energy: {{{defaults}}}\n", f"energy: {{{sweep}}}\n").config.energy
    said = energy.model_dump(mode="json", by_alias=True)
    others = {"currency": "USD", "idle": "active"}
    assert {key: it for key, it in said.items() if it is not None} == {**others, **left}


@pytest.mark.parametrize("defaults", ["", "\n# nothing yet\n", "energy:\n"])
def test_defaults_may_say_nothing(home: Home, defaults: str) -> None:
    """An empty file, comments alone and an empty section change nothing."""
    plain = home.load("energy: {}\n").config
    assert home.load(defaults).config == plain


def test_defaults_decide_nothing(home: Home) -> None:
    """A sweep is the same sweep with and without the defaults."""
    assert home.load(FULL).decisions() == home.load("ray: {}\n").decisions()


@pytest.mark.parametrize(
    ("xdg", "folder"),
    [("", "/h/.config"), ("relative", "/h/.config"), ("/x", "/x")],
)
def test_the_file_is_where_xdg_says(xdg: str, folder: str) -> None:
    """In ``XDG_CONFIG_HOME``, unless it is relative, else in ``~/.config``."""
    file = defaults_file({"HOME": "/h", "XDG_CONFIG_HOME": xdg})
    assert file == Path(folder, "sweeper", "defaults.yaml")


REFUSED = "may change results and so belongs in the sweep file"


@pytest.mark.parametrize(
    ("defaults", "line"),
    [
        ("energy: {}\nseed: 3", f"defaults.yaml:2: seed: {REFUSED}"),
        ("budget: {trials: 3}", f"defaults.yaml:1: budget: {REFUSED}"),
        ("enery: {}", "defaults.yaml:1: enery: is not a key of defaults; did you mean energy?"),
        ("cache: {mode: rw,\n salt: x}", f"defaults.yaml:2: cache.salt: {REFUSED}; of cache there "
         "is only: url, mode"),
        ("energy: FRA", 'defaults.yaml:1: energy: must be a mapping, got "FRA"'),
        ("[]", "defaults.yaml:1: must be a mapping of energy, ray, resources, cache, got a list"),
        ("a: b: c", "defaults.yaml:1: column 5: a colon is not allowed here: check the "
         "indentation, or quote the value that holds it: `a: b: c`"),
        (b"\xff", "defaults.yaml:1: is not UTF-8 text (byte 0xff); save the file as UTF-8"),
        ("ray: {}\nray: {}", "defaults.yaml:2: ray: is given twice, first in line 1; keep one"),
        ("ray: {}\nenergy:\n  pue: 0.5\n", "defaults.yaml:3: energy.pue: must be at least 1, got "
         "0.5"),
        ("resources: {cpu: 3}", "defaults.yaml:1: resources.cpu: is not a key of resources; did "
         "you mean cpus?"),
        ("cache: {url: results.db}", "defaults.yaml:1: cache.url: must be a URL such as "
         "sqlite:///results.db or postgresql+psycopg://host/database"),
    ],
)  # fmt: skip
def test_errors_name_the_defaults_and_the_line(
    home: Home, defaults: str | bytes, line: str
) -> None:
    """What is wrong there, or must not stand there, is said as of the sweep file."""
    assert home.errors(defaults) == [line]


def test_all_errors_come_at_once(home: Home, tmp_path: Path) -> None:
    """The sweep file's come first, then those of overrides, then those of the defaults."""
    lines = home.errors("energy:\n  pue: 0.5\n", "seed: -1\nenergy:\n  region: 3\n", "max_steps=0")
    assert [line.replace(f"{tmp_path}/", "") for line in lines] == [
        "sweep.yaml:6: seed: must be at least 0, got -1",
        'sweep.yaml:8: energy.region: must be text, got 3; quote it: "3"',
        "override max_steps=0: max_steps: must be at least 1, got 0",
        "defaults.yaml:2: energy.pue: must be at least 1, got 0.5",
    ]


def test_later_problems_find_the_defaults(home: Home) -> None:
    """An error that shows after loading points to the defaults where the value came from there."""
    loaded = home.load("ray: {}\nenergy:\n  region: XX\n")
    assert loaded.problem("energy.region", "is unknown").problems == (
        f"{home.file}:3: energy.region: is unknown",
    )


def test_surprising_readings_are_warned_of(home: Home) -> None:
    """YAML's surprises in the defaults are said with their line."""
    (warning,) = home.load("ray: {}\nresources: {memory: 1:30}\n").warnings
    assert warning.startswith(f"{home.file}:2: resources.memory: 1:30 is read in base 60")


def test_a_folder_is_no_defaults_file(tmp_path: Path) -> None:
    """What stands in the place of the file and cannot be read is an error, not a traceback."""
    defaults_file({"HOME": str(tmp_path)}).mkdir(parents=True)
    (tmp_path / "sweep.yaml").write_text(MINIMAL)
    with pytest.raises(ConfigError, match=r"defaults.yaml: is a folder"):
        load(tmp_path / "sweep.yaml", (), {"HOME": str(tmp_path)})
