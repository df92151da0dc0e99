from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.model import OutputRule, OutputStyle
from tests.config.sweeps import MINIMAL, errors_of, load_text

TEXT = MINIMAL.replace("objective: train.py:train", "program: train.py")
TEXT = f"{TEXT}constraints: [latency_ms < 3]\n"


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("", OutputRule(OutputStyle.AUTO)),
        ("auto", OutputRule(OutputStyle.AUTO)),
        ("json", OutputRule(OutputStyle.JSON)),
        ("assignments", OutputRule(OutputStyle.ASSIGNMENTS)),
        ("none", OutputRule(OutputStyle.NONE)),
        ("{pattern: 'loss (?P<loss>.+)'}", OutputRule(OutputStyle.PATTERN, ("loss (?P<loss>.+)",))),
        ("{pattern: ['(?P<step>.) (?P<loss>.)', '(?P<latency_ms>.)']}",
         OutputRule(OutputStyle.PATTERN, ("(?P<step>.) (?P<loss>.)", "(?P<latency_ms>.)"))),
        ("{pattern: '(?P<name>.)=(?P<value>.)'}",
         OutputRule(OutputStyle.PATTERN, ("(?P<name>.)=(?P<value>.)",))),
    ],
)  # fmt: skip
def test_what_a_program_prints_is_read_by_one_rule(
    tmp_path: Path, text: str, output: OutputRule
) -> None:
    """By a named style, or by patterns whose groups are metrics, or name and value."""
    loaded = load_text(tmp_path, f"{TEXT}stdout: {text}\n")
    assert (loaded.config.stdout, loaded.warnings) == (output, ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("jsn", 'stdout: must be auto, json, assignments, none or {pattern: ...}, got "jsn"; did '
         "you mean json?"),
        ("3", "stdout: must be auto, json, assignments, none or {pattern: ...}, got 3"),
        ("{patern: a}", "stdout.patern: is not a key of stdout, which has: pattern"),
        ("{}", "stdout.pattern: is required: a regular expression, or a list"),
        ("{pattern: []}", "stdout.pattern: is required: a regular expression, or a list"),
        ("{pattern: 3}", "stdout.pattern: must be text, got 3"),
        ("{pattern: [a, 3]}", "stdout.pattern[0]: has no named group; write (?P<val_loss>...) "
         "around the number\nstdout.pattern[1]: must be text, got 3"),
        ("{pattern: '(?P<loss>'}", "stdout.pattern: is no regular expression: missing ), "
         "unterminated subpattern at position 0; quote it in 'single quotes'"),
        (f"{{pattern: '{'a' * 1001}'}}", "stdout.pattern: is longer than 1000 characters"),
        ("{pattern: '(?P<los>.)'}", 'stdout.pattern: "(?P<los>.)" has the group los, which is no '
         "metric, did you mean loss?; groups are loss or latency_ms, or else name and value, and "
         "maybe step"),
        ("{pattern: '(?P<step>.)'}", 'stdout.pattern: "(?P<step>.)" has no group that is a metric; '
         "groups are loss or latency_ms, or else name and value, and maybe step"),
        ("{pattern: '(?P<value>.)'}", 'stdout.pattern: "(?P<value>.)" has no group that is a '
         "metric; groups are loss or latency_ms, or else name and value, and maybe step"),
    ],
)  # fmt: skip
def test_a_rule_that_reads_nothing_is_refused(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake is a line that says which groups there may be."""
    lines = errors_of(tmp_path, f"{TEXT}stdout: {text}\n")
    assert lines == [f"sweep.yaml:7: {it}" for it in line.split("\n")]


def test_only_programs_print(tmp_path: Path) -> None:
    """With an objective, whose metrics are reported, a rule for printed ones is an error."""
    assert errors_of(tmp_path, f"{MINIMAL}stdout: json\n") == [
        "sweep.yaml:6: stdout: has no meaning with objective:, whose metrics are reported; drop it"
    ]
