from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from sweeper.config.load import restore
from sweeper.errors import ConfigError
from tests.config.sweeps import COMPLETE, PROGRAM, load_text

CONFIGS = Path(__file__).parent.parent.parent / "configs"
SEEDS = (COMPLETE, PROGRAM, *(it.read_text() for it in sorted(CONFIGS.glob("*.yaml"))))

PIECES = (
    *(
        "\n",
        "  ",
        "\t",
        ":",
        ": ",
        "- ",
        "#",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "&a ",
        "*a",
        "<<: ",
    ),
    *(
        "null",
        "true",
        "off",
        "0",
        "-1",
        "1e-4",
        "1e999",
        ".nan",
        "017",
        "1:30",
        "99999999999999999",
    ),
    *("x", "é", "\x00", "\ud7ff", "!!int ", "!x ", "---\n", "%", "|", ">", "?", "@", "\\", "5 kwh"),
    *("when: ", "parameters: ", "constraints: ", "a <= ", "`", "${args}", "(?P<loss>", "enqueue: "),
    *("metrics: ", "command: ", "program: ", "scheduler: ", "sampler: ", "then: ", "stdout: "),
    *("type: ", "values: ", "min: ", "distribution: ", "none", "2020-01-01", "grid", "method: "),
)


VALUES = (
    *(
        "",
        "null",
        "true",
        "off",
        "0",
        "1",
        "-1",
        "0.5",
        "1e-4",
        "1e999",
        ".nan",
        "1:30",
        "10" * 200,
    ),
    *("x", "''", "[]", "[x]", "[1, 1.0]", "{}", "{a: 1}", "{type: x}", "{value: 1}", "{min: 1}"),
    *(
        "lr < 3",
        "'a >'",
        "[lr < 3]",
        "[{lr: 1}]",
        "[{name: a}, {name: b}]",
        "['${args}']",
        "custom",
    ),
    *("cmaes", "{type: gp}", "{type: patience, patience: 2, then: median}", "{engine: ax}", "a.py"),
    *("{pattern: '(?P<loss>.)'}", "{pattern: ['(']}", "cost", "0x" + "f" * 5000, "{g.a: {b: 1}}"),
    *("grid", "random", "5 kwh", "3 J", "1h", "4 GiB", "a:b", "2020-01-01", "none", "median"),
)
VALUE = re.compile(r"(?<=: )[^\n,{}]+|(?<=[ {])[a-z_]+(?=: )")


def with_other_values(dice: random.Random) -> str:
    """Return a good file after a few keys or values were replaced."""
    text = dice.choice(SEEDS)
    for _ in range(dice.randrange(1, 4)):
        place = dice.choice(list(VALUE.finditer(text)))
        text = text[: place.start()] + dice.choice(VALUES) + text[place.end() :]
    return text


def with_other_text(dice: random.Random) -> str:
    """Return a good file after a few random cuts, insertions, swaps and repetitions."""
    lines = dice.choice(SEEDS).splitlines(keepends=True)
    for _ in range(dice.randrange(3)):
        one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    text = "".join(lines)
    for _ in range(dice.randrange(1, 5)):
        start = dice.randrange(len(text))
        end = start + dice.choice([0, 0, 1, 3, 20])
        text = text[:start] + dice.choice(PIECES) * dice.choice([1, 1, 1, 60]) + text[end:]
    return text


def mutated(seed: int) -> str:
    """Return a broken file, the same for the same seed."""
    dice = random.Random(seed)
    return with_other_values(dice) if seed % 2 else with_other_text(dice)


def problems_of(folder: Path, text: str) -> tuple[str, ...]:
    """Load a text; return what is wrong with it, after reading back what is not."""
    try:
        loaded = load_text(folder, text)
    except ConfigError as error:
        return error.problems
    assert restore(loaded.resolved_json()) == loaded.config
    return ()


@pytest.mark.parametrize("first", range(0, 2000, 100))
def test_any_file_loads_or_is_a_config_error(tmp_path: Path, first: int) -> None:
    """Of 2,000 broken files each loads and reads back, or is a ``ConfigError``; none is slow."""
    for seed in range(first, first + 100):
        text = mutated(seed)
        began_s = time.monotonic()
        for line in problems_of(tmp_path, text):
            assert line.startswith("sweep.yaml"), (seed, line)
            assert line.isprintable(), (seed, line)
            assert "pydantic" not in line, (seed, line)
            assert "is not valid here" not in line, (seed, line)
        assert time.monotonic() - began_s < 2, seed


def test_mutations_hit_both_ends(tmp_path: Path) -> None:
    """The files above are not all refused, and not all for one reason."""
    wrong = [problems_of(tmp_path, mutated(seed)) for seed in range(100)]
    assert any(not problems for problems in wrong)
    assert sum(len(problems) > 1 for problems in wrong) > 5
