from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.programs import DEFAULT_COMMAND, MACROS
from tests.config.sweeps import MINIMAL, errors_of, load_text, warnings_of

KNOWN = ", ".join(MACROS)


def with_trainee(text: str) -> str:
    """Return a sweep file that begins with these keys instead of an objective."""
    return MINIMAL.replace("objective: train.py:train", text)


@pytest.mark.parametrize(
    ("text", "program", "command"),
    [
        ("objective: a.py:f", None, None),
        ("program: a.py", "a.py", DEFAULT_COMMAND),
        ("program: a.py\ncommand: [python3, '${program}']", "a.py", ("python3", "${program}")),
        ("program: a.py\ncommand: [make]", "a.py", ("make",)),
        ("command: [sh, train.sh, '${args}']", None, ("sh", "train.sh", "${args}")),
        ('command: [sh, "-c", "echo\\n${HOME}", ""]', None, ("sh", "-c", "echo\n${HOME}", "")),
        ("command: ['${envvar:CONDA_PYTHON}', x]", None, ("${envvar:CONDA_PYTHON}", "x")),
    ],
)
def test_there_is_one_way_to_train(
    tmp_path: Path, text: str, program: str | None, command: tuple[str, ...] | None
) -> None:
    """A function, a script with W&B's or its own command, or a command alone."""
    loaded = load_text(tmp_path, with_trainee(text))
    assert (loaded.config.program, loaded.config.command) == (program, command)
    assert loaded.warnings == ()


@pytest.mark.parametrize("macro", MACROS)
def test_every_macro_is_known(tmp_path: Path, macro: str) -> None:
    """Each of W&B's macros, and ours, may be an element of the command."""
    text = with_trainee(f"program: a.py\ncommand: [python, '${{{macro}}}']")
    assert load_text(tmp_path, text).config.command == ("python", f"${{{macro}}}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed: 1", "1: does not say what to train; add objective: train.py:train (a Python "
         'function), program: train.py (a script), or command: [bash, train.sh, "${args}"]'),
        ("objective: a.py:f\nprogram: a.py", "1: objective: stands beside program; keep one way to "
         "train"),
        ("command: [a]\nobjective: a.py:f\nprogram: a.py", "2: objective: stands beside program "
         "and command; keep one way to train"),
        ("command: python train.py --n 'a b'", "1: command: must be a list, got \"python train.py "
         '--n \'a b\'"; write ["python", "train.py", "--n", "a b"]'),
        ("command: sh 'x", '1: command: must be a list, got "sh \'x"; write ["sh", "\'x"]'),
        ("command: {a: b}", "1: command: must be a list of text, got a mapping"),
        ("command: []", '1: command: needs something to run; W&B\'s default is ["${env}", '
         '"${interpreter}", "${program}", "${args}"]'),
        ("command: ['', a]", '1: command: needs something to run; W&B\'s default is ["${env}", '
         '"${interpreter}", "${program}", "${args}"]'),
        ("command: [a,\n 3]", '2: command[1]: must be text, got 3; quote it: "3"'),
        ("command: [a, [b]]", "1: command[1]: must be text, got a list"),
        ("command: [a, '${arg}']", f'1: command[1]: "${{arg}}" is no macro; there are: {KNOWN}, '
         "envvar:NAME with NAME in capitals; did you mean ${args}?"),
        ("command: [a, '${envvar:home}']", f'1: command[1]: "${{envvar:home}}" is no macro; there '
         f"are: {KNOWN}, envvar:NAME with NAME in capitals"),
        ("command: [a, '${program}']", "1: command[1]: ${program} needs program: to know what it "
         "stands for; add program: train.py"),
        ("program: 3", '1: program: must be text, got 3; quote it: "3"'),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_said_with_the_cure(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake is one finished line."""
    assert errors_of(tmp_path, with_trainee(text)) == [f"sweep.yaml:{line}"]


def test_a_launch_file_is_refused_once(tmp_path: Path) -> None:
    """A W&B Launch sweep has no program; the error is about Launch only."""
    (line,) = errors_of(tmp_path, with_trainee("job: me/project/job:v1"))
    assert line.startswith("sweep.yaml:1: job: W&B Launch starts it on W&B's service")


@pytest.mark.parametrize(
    ("element", "warning"),
    [
        ("--config=${args_json}", "${args_json} inside a longer text is left as it is, as in W&B; "
         "give it an own element"),
        ("python ${program} ${args}", "${program} inside a longer text is left as it is, as in "
         "W&B; give it an own element"),
        ("--home=${envvar:HOME}/x", None),
        ("echo ${HOME}", None),
        ("$args", None),
    ],
)  # fmt: skip
def test_a_macro_inside_a_text_is_text(tmp_path: Path, element: str, warning: str | None) -> None:
    """As in W&B it is left as it is, except variables of the environment; that is said."""
    text = with_trainee(f"command: [sh, '{element}']")
    assert load_text(tmp_path, text).config.command == ("sh", element)
    expected = [] if warning is None else [f"sweep.yaml:1: command[1]: {warning}"]
    assert warnings_of(tmp_path, text) == expected
