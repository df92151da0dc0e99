"""The macros of a command, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import Params, Value
from sweeper.workers.macros import expand

PARAMS: Params = {
    "lr": 1e-4,
    "opt": {"a": 1, "b": None},
    "flag": True,
    "no": False,
    "l": [1, "x"],
}


def expanded(*command: str, params: Params = PARAMS) -> list[str]:
    """Expand a command for a program ``train.py``."""
    env = {"HOME_OF_DATA": "/data", "N_1": "x"}
    return expand(command, params, program="train.py", params_file="/t/params.json", env=env)


@pytest.mark.parametrize(
    ("macro", "argv"),
    [
        ("${env}", ["/usr/bin/env"]),
        ("${interpreter}", [sys.executable]),
        ("${program}", ["train.py"]),
        (
            "${args}",
            [
                "--lr=0.0001",
                "--opt={'a': 1, 'b': None}",
                "--flag=True",
                "--no=False",
                "--l=[1, 'x']",
            ],
        ),
        (
            "${args_no_boolean_flags}",
            ["--lr=0.0001", "--opt={'a': 1, 'b': None}", "--flag", "--l=[1, 'x']"],
        ),
        (
            "${args_no_hyphens}",
            ["lr=0.0001", "opt={'a': 1, 'b': None}", "flag=True", "no=False", "l=[1, 'x']"],
        ),
        (
            "${args_no_equals}",
            ["--lr", "0.0001", "--opt", "{'a': 1, 'b': None}", "--flag", "True", "--no", "False",
             "--l", "[1, 'x']"],
        ),
        (
            "${args_append_hydra}",
            ["+lr=0.0001", "+opt={'a': 1, 'b': None}", "+flag=True", "+no=False", "+l=[1, 'x']"],
        ),
        (
            "${args_override_hydra}",
            ["++lr=0.0001", "++opt={'a': 1, 'b': None}", "++flag=True", "++no=False",
             "++l=[1, 'x']"],
        ),
        (
            "${args_json}",
            ['{"lr": 0.0001, "opt": {"a": 1, "b": null}, "flag": true, "no": false,'
             ' "l": [1, "x"]}'],
        ),
        ("${args_json_file}", ["/t/params.json"]),
        (
            "${args_dict}",
            ["{'lr': 0.0001, 'opt': {'a': 1, 'b': None}, 'flag': True, 'no': False,"
             " 'l': [1, 'x']}"],
        ),
        (
            "${args_dotted}",
            ["--lr=0.0001", "--opt.a=1", "--opt.b=null", "--flag=true", "--no=false",
             '--l=[1, "x"]'],
        ),
        ("${envvar:HOME_OF_DATA}", ["/data"]),
        ("--data=${envvar:HOME_OF_DATA}/${envvar:N_1}", ["--data=/data/x"]),
        ("${envvar:NOT_SET}", ["NOT_SET"]),
        ("${envvar:lower}", ["${envvar:lower}"]),
        ("--all=${args}", ["--all=${args}"]),
        ("plain text", ["plain text"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_macro(macro: str, argv: list[str]) -> None:
    """A macro is a whole element and becomes what W&B makes of it; the rest stays as it is."""
    assert expanded(macro) == argv


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "1e-05"), (1e20, "1e+20"), (3, "3"), (None, "None"), ("a b'c", "a b'c"), (0.1, "0.1")],
    ids=["small", "large", "int", "none", "text", "float"],
)
def test_values_are_written_as_python_writes_them(value: Value, text: str) -> None:
    """One element per argument, without quotes: no shell reads it."""
    assert expanded("${args}", params={"x": value}) == [f"--x={text}"]


def test_arguments_follow_the_order_of_the_params() -> None:
    """Whoever makes the params decides the order."""
    assert expanded("${args}", params={"b": 1, "a": 2}) == ["--b=1", "--a=2"]


def test_a_command_without_parameters_has_no_arguments() -> None:
    """An empty group adds nothing; an empty nested one is a value."""
    assert expanded("x", "${args}", "${args_no_equals}", params={}) == ["x"]
    assert expanded("${args_dotted}", params={"opt": {}}) == ["--opt={}"]


@given(st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), st.text(max_size=20)))
def test_json_survives_any_text(params: dict[str, str]) -> None:
    """What ``${args_json}`` says is what the params are."""
    assert json.loads(expanded("${args_json}", params=dict(params))[0]) == params


def test_the_default_command_runs() -> None:
    """``env`` starts this Python with the program and its arguments."""
    argv = expand(
        ("${env}", "${interpreter}", "-c", "import sys; print(sys.argv[1:])", "${args}"),
        {"x": 1},
        program=None,
        params_file="",
        env={},
    )
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "['--x=1']\n"
