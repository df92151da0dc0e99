from __future__ import annotations

import yaml

from sweeper.reporting.preview import (
    CheckedFile,
    checked_text,
    refused_json,
    sample_lines,
    samples_json,
)

CHECKED = CheckedFile(
    "sweep.yaml",
    (("lr", "0.0001 to 0.1, log"), ("net.layers", "1, 2 or 3")),
    warnings=("sweep.yaml:3: project: means nothing here",),
    notes=("results are not shared: \x1b[31ma secret",),
)


def test_valid_file_shows_warnings_and_ranges() -> None:
    """First that it is valid, then what to look at, then every range in one column."""
    assert checked_text(CHECKED).splitlines() == [
        "sweep.yaml is valid",
        "warning: sweep.yaml:3: project: means nothing here",
        "note: results are not shared: a secret",
        "ranges    lr          0.0001 to 0.1, log",
        "          net.layers  1, 2 or 3",
    ]


def test_valid_file_as_json() -> None:
    """The document has the ranges by dotted path."""
    document = CHECKED.to_json()
    assert (document["file"], document["valid"]) == ("sweep.yaml", True)
    assert document["ranges"]["net.layers"] == "1, 2 or 3"
    assert len(document["warnings"]) == len(document["notes"]) == 1


def test_space_without_parameters() -> None:
    """A file whose space is empty has no ranges to show."""
    assert checked_text(CheckedFile("a.yaml", ())) == "a.yaml is valid"


def test_refused_file_as_json() -> None:
    """The document lists every problem."""
    assert refused_json("a.yaml", ["a.yaml:1: is empty"]) == {
        "file": "a.yaml",
        "valid": False,
        "problems": ["a.yaml:1: is empty"],
    }


SAMPLES = [
    {"lr": 0.001, "net": {"layers": 2, "odd key": [1, None, {"a": True}]}, "text": "a: b # c"},
    {},
]


def test_samples_are_lines_of_yaml() -> None:
    """Each configuration is one item of a YAML list, and reads back as it was."""
    text = sample_lines(SAMPLES)
    assert text.splitlines()[0] == (
        '- {lr: 0.001, net: {layers: 2, "odd key": [1, null, {a: true}]}, text: "a: b # c"}'
    )
    assert yaml.safe_load(text) == SAMPLES


def test_samples_as_json_are_exactly_the_samples() -> None:
    """The document has one key, and the samples are nested as a program gets them."""
    assert samples_json(SAMPLES) == {"samples": SAMPLES}
