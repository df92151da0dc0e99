from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.config.sweeps import MINIMAL, errors_of, load_text

TEXT = f"""\
{MINIMAL}  kind: {{values: [a, {{b: 1}}, null]}}
  opt.x: {{min: 1, max: 9}}
  net:
    when: lr > 0.5
    parameters:
      depth: {{min: 1, max: 9}}
      act: {{parameters: {{name: {{values: [relu]}}}}}}
enqueue:
"""


@pytest.mark.parametrize(
    ("written", "point"),
    [
        ("{lr: 0.5}", {"lr": 0.5}),
        ("{kind: {b: 1}}", {"kind": {"b": 1}}),
        ("{kind: null, lr: 1}", {"kind": None, "lr": 1}),
        ("{opt.x: 3}", {"opt.x": 3}),
        ("{net: {depth: 2, act: {name: relu}}}", {"net": {"depth": 2, "act": {"name": "relu"}}}),
        ("{net.depth: 2}", {"net": {"depth": 2}}),
        ("{net.act.name: relu, net: {depth: 2}}", {"net": {"act": {"name": "relu"}, "depth": 2}}),
        ("{net.act: {name: relu}}", {"net": {"act": {"name": "relu"}}}),
    ],
)
def test_points_are_as_the_objective_gets_them(
    tmp_path: Path, written: str, point: dict[str, Any]
) -> None:
    """Dotted paths and mappings mean the same; values stay as they are written."""
    config = load_text(tmp_path, f"{TEXT}  - {written}\n").config
    assert config.enqueue == (point,)


def test_how_a_point_is_written_decides_nothing(tmp_path: Path) -> None:
    """The order of names, and dots or mappings, change no decision; the order of points does."""
    one = f"{TEXT}  - {{net.depth: 2, lr: 0.5, net: {{act.name: relu}}}}\n"
    other = f"{TEXT}  - {{lr: 0.5, net: {{act: {{name: relu}}, depth: 2}}}}\n"
    decisions = [json.dumps(load_text(tmp_path, text).decisions()) for text in (one, other)]
    assert decisions[0] == decisions[1]
    two = [f"{TEXT}  - {{lr: {a}}}\n  - {{lr: {b}}}\n" for a, b in ((0.2, 0.3), (0.3, 0.2))]
    assert load_text(tmp_path, two[0]).decisions() != load_text(tmp_path, two[1]).decisions()


NAMES = "kind, lr, net, net.act, net.act.name, net.depth and opt.x"


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("3", "enqueue[0]: must be a mapping of parameters to values, got 3"),
        ("{}", "enqueue[0]: must be a mapping of parameters to values, got an empty one"),
        ("{lrr: 1}", 'enqueue[0].lrr: there is no parameter "lrr"; did you mean lr?'),
        ("{qqq: 1}", f'enqueue[0].qqq: there is no parameter "qqq"; there is {NAMES}'),
        ("{net.dept: 1}", 'enqueue[0].net.dept: there is no parameter "net.dept"; did you mean '
         "net.depth?"),
        ("{net: {act: {nam: 1}}}", 'enqueue[0].net.act.nam: there is no parameter "net.act.nam"; '
         "did you mean net.act.name?"),
        ("{net: 3}", "enqueue[0].net: is a group of parameters and takes a mapping, got 3"),
        ("{net.act: [relu]}", "enqueue[0].net.act: is a group of parameters and takes a mapping, "
         "got a list"),
        ("{net.depth: 1, net: {depth: 2}}", "enqueue[0].net.depth: is given twice; keep one"),
        ("{lr: .nan}", "enqueue[0].lr: must be finite, got nan"),
        ("{kind: [1, -.inf]}", "enqueue[0].kind: must be finite, got [1, -Infinity]"),
    ],
)  # fmt: skip
def test_what_is_no_point_is_said_with_the_cure(tmp_path: Path, written: str, line: str) -> None:
    """Each mistake is one finished line."""
    assert errors_of(tmp_path, f"{TEXT}  - {written}\n") == [f"sweep.yaml:14: {line}"]


def test_one_point_alone_is_no_list(tmp_path: Path) -> None:
    """``enqueue`` is a list; a single mapping is said how to be written."""
    assert errors_of(tmp_path, f"{TEXT.rstrip()} {{lr: 1}}\n") == [
        "sweep.yaml:13: enqueue: must be a list of points, got a mapping; write enqueue: [{...}]"
    ]


def test_a_wrong_space_is_not_wrong_twice(tmp_path: Path) -> None:
    """Where a parameter is wrong, the names of points are not held against it."""
    text = f"{MINIMAL.replace('0.1', '2.0')}enqueue: [{{q: 1}}]\n"
    assert len(errors_of(tmp_path, text)) == 1
