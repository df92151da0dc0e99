from __future__ import annotations

import math
from pathlib import Path

import pytest

from sweeper.config.load import load
from sweeper.config.problems import Several
from sweeper.config.yaml_file import read_text
from sweeper.errors import ConfigError
from tests.config.sweeps import HEAD, MINIMAL, errors_of, load_text, warnings_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1e4", 1e4),
        ("12e03", 12e3),
        ("1.5E3", 1500.0),
        ("1.0e-4", 1e-4),
        ("1.e-4", 1e-4),
        (".5", 0.5),
        ("-2e+3", -2000.0),
        ("1_000", 1000),
        ("017", 15),
        ("0o17", "0o17"),
        ("1:30", 90),
        ("yes", True),
        ("off", False),
        ("'1e-4'", "1e-4"),
        ("1e", "1e"),
        ("e4", "e4"),
        ("1e4x", "1e4x"),
        ("2026-11-22", "2026-11-22"),
        ("=", "="),
        ("~", None),
        ("!!float 3", 3.0),
        ("!!str 3", "3"),
        ("!!int '3'", 3),
        ("0x1F", 31),
        ("-.inf", -math.inf),
    ],
)
def test_scalars_are_those_of_wandb_with_yaml_1_2_floats(text: str, value: object) -> None:
    """Scalars read as YAML 1.1, floats without dot or sign of the exponent as numbers."""
    read = read_text(f"a: {text}").data["a"]
    assert (type(read), read) == (type(value), value)


def test_every_key_and_item_knows_its_line() -> None:
    """Block and flow style, over several lines, lists and mappings: each place has its line."""
    text = "a: 1\nb:\n  - x\n  - {c: 1,\n     d: [2,\n 3]}\n"
    assert read_text(text).lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "d"): 5,
        ("b", 1, "d", 0): 5,
        ("b", 1, "d", 1): 6,
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_lines_count_for_every_kind_of_newline(tmp_path: Path, newline: str) -> None:
    """A file with other line ends reports the same lines."""
    text = (MINIMAL + "seed: -1\n").replace("\n", newline)
    assert errors_of(tmp_path, text.encode()) == ["sweep.yaml:6: seed: must be at least 0, got -1"]


def test_aliases_and_merge_keys_expand() -> None:
    """An alias is a copy, own keys win over merged ones, earlier merged ones over later ones."""
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 5}\nd: *a\n"
    document = read_text(text)
    assert document.data["c"] == {"x": 5, "y": 2, "z": 4}
    assert document.data["d"] == document.data["a"]
    assert document.data["d"] is not document.data["a"]
    assert document.lines[("c", "z")] == 2
    assert document.lines[("c", "x")] == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "sweep.yaml:1: is empty"),
        ("# nothing\n", "sweep.yaml:1: is empty"),
        ("\n- a\n", "sweep.yaml:2: a sweep file is a mapping of keys such as method and "
         "parameters, got a list"),
        ("3", "sweep.yaml:1: a sweep file is a mapping of keys such as method and parameters, "
         "got 3"),
        ("a: [1, 2\nb: 3", "sweep.yaml:1: column 4: the list that starts here is not closed with "
         "], or a comma is missing: `a: [1, 2`"),
        ("a: {x: 1\nb: 3", "sweep.yaml:1: column 4: the mapping that starts here is not closed "
         "with }, or a comma is missing: `a: {x: 1`"),
        ("a:\n\tb: 3", "sweep.yaml:2: column 1: a tab cannot indent YAML; use spaces: `b: 3`"),
        ("\n  a: b: c", "sweep.yaml:2: column 7: a colon is not allowed here: check the "
         "indentation, or quote the value that holds it: `a: b: c`"),
        ("a: 1\nb\nc: 2", "sweep.yaml:2: column 1: a key needs a colon and a space: `key: value`: "
         "`b`"),
        ("a: *x", "sweep.yaml:1: column 4: * names an anchor (&) that is not defined above; quote "
         "the value if it is text: `a: *x`"),
        ("a: *.py", "sweep.yaml:1: column 4: a value that starts with *, & or % must be quoted: "
         "`a: *.py`"),
        ("a: &x 1\nb: &x 2", "sweep.yaml:2: column 4: the same anchor (&) is defined twice: "
         "`b: &x 2`"),
        ("a: 1\nb: 'c\n", "sweep.yaml:2: column 4: the quote that opens here is never closed: "
         "`b: 'c`"),
        ('a: "c:\\data"', 'sweep.yaml:1: column 8: a backslash in double quotes starts an escape; '
         'use single quotes: `a: "c:\\data"`'),
        ("a: @b", "sweep.yaml:1: column 4: a value cannot start with this character; quote the "
         "value: `a: @b`"),
        ("a: - b", "sweep.yaml:1: column 4: a list item (`- `) cannot start here; put it on its "
         "own line: `a: - b`"),
        ("a: ? b", "sweep.yaml:1: column 4: `? ` cannot start a value; quote the value: `a: ? b`"),
        ("a: ]", "sweep.yaml:1: column 4: a value is missing here: `a: ]`"),
        ("- a\nb: 1", "sweep.yaml:2: column 1: does not fit the lines above: check the "
         "indentation, and the quotes around values: `b: 1`"),
        ("a: 1\n---\nb: 2", "sweep.yaml:2: column 1: a second document starts here; a sweep file "
         "holds one: `---`"),
        ("%FOO\na: 1", "sweep.yaml:2: column 1: this does not belong here: check the lines above: "
         "`a: 1`"),
        ("a: !<x", "sweep.yaml:1: column 4: a value that starts with ! must be quoted: `a: !<x`"),
        ("a: |x\n b", "sweep.yaml:1: column 5: text cannot follow | or > on the same line: "
         "`a: |x`"),
        ("a: 1\nb: &x [*x]", "sweep.yaml:2: an alias (*) stands inside its own anchor (&)"),
        ("&a {<<: *a}", "sweep.yaml:1: an alias (*) stands inside its own anchor (&)"),
        ("a:\n  " + "[" * 60, "sweep.yaml:2: is nested deeper than 50 levels"),
        ("a: \x00", "sweep.yaml:1: holds the control character U+0000; remove it"),
        ("a: 1\nb: \x1b", "sweep.yaml:2: holds the control character U+001B; remove it"),
        (b"a: 1\nb: \xe9\n", "sweep.yaml:2: is not UTF-8 text (byte 0xe9); save the file as UTF-8"),
        (b"\xff\xfea", "sweep.yaml:1: is not UTF-8 text (byte 0xff); save the file as UTF-8"),
        (" " * (1 << 20) + "a", "sweep.yaml: is larger than 1 MiB and so no sweep file"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_said_in_plain_words(
    tmp_path: Path, text: str | bytes, line: str
) -> None:
    """One line with the place, the mend and the offending line, none of PyYAML's wording."""
    assert errors_of(tmp_path, text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed: 0\nseed: 1", "sweep.yaml:7: seed: is given twice, first in line 6; keep one"),
        ("trial: {seed: 1,\n  seed: 2}", "sweep.yaml:7: trial.seed: is given twice, first in line "
         "6; keep one"),
        ("trial: {on: 1}", 'sweep.yaml:6: trial: the key "on" is no text in YAML 1.1; quote it'),
        ("trial: {[1]: 1}", "sweep.yaml:6: trial: has a key that is a list or a mapping; keys are "
         "text"),
        ("trial: {<<: 3}", "sweep.yaml:6: trial: << merges a mapping or a list of mappings, "
         "nothing else"),
        ("name: !!python/name:os.system x", 'sweep.yaml:6: name: the tag "!!python/name:os.system" '
         "has no meaning in a sweep file; remove it"),
        ("name: !!set {a}", 'sweep.yaml:6: name: the tag "!!set" has no meaning in a sweep file; '
         "remove it"),
        ("name: !!int x", 'sweep.yaml:6: name: "x" cannot be read as int; quote it'),
        ("name: 0b_", 'sweep.yaml:6: name: "0b_" cannot be read as int; quote it'),
        ("max_steps: " + "1:" * 1000 + "1", 'sweep.yaml:6: max_steps: "' + "1:" * 38
         + "... cannot be read as int; quote it"),
        ('name: "\\ud800"', "sweep.yaml:6: name: holds characters that are no Unicode text"),
        ('trial: {"\\0": 1}', "sweep.yaml:6: trial: has a key with characters that are no Unicode "
         "text"),
    ],
)  # fmt: skip
def test_what_yaml_allows_but_means_nothing_is_an_error(
    tmp_path: Path, text: str, line: str
) -> None:
    """Duplicate keys, keys that are no text, foreign tags and unreadable scalars have a line."""
    assert line in errors_of(tmp_path, MINIMAL + text + "\n")


@pytest.mark.parametrize(
    "link",
    [lambda names: f"[{names}]", lambda names: f"{{<<: [{names}]}}"],
    ids=["lists", "merges"],
)
def test_billion_laughs_are_refused(link: object) -> None:
    """A file whose aliases expand without end is refused before it fills the memory."""
    assert callable(link)
    text = "a: &a {x: 1}\n" + "".join(
        f"{new}: &{new} {link(','.join([f'*{old}'] * 10))}\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(Several, match="more than 100,000 values, aliases expanded"):
        read_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", "yes is read as true, as YAML 1.1 has it; write true, or quote the text"),
        ("Off", "Off is read as false, as YAML 1.1 has it; write false, or quote the text"),
        ("1:30", "1:30 is read in base 60, as YAML 1.1 has it; write the number, or quote the "
         "text"),
        ("1:30.5", "1:30.5 is read in base 60, as YAML 1.1 has it; write the number, or quote the "
         "text"),
        ("017", "017 is read as octal, as YAML 1.1 has it; drop the leading zero, or quote it"),
        ("08", "08 is read as text, as YAML 1.1 has it; drop the leading zero, or quote it"),
        ("'yes'", None),
        ("true", None),
        ("0", None),
        ("1_000", None),
    ],
)  # fmt: skip
def test_surprising_readings_are_warned_of(tmp_path: Path, text: str, said: str | None) -> None:
    """What YAML 1.1 reads unlike most people is kept, with a warning."""
    expected = [] if said is None else [f"sweep.yaml:5: parameters.x.value: {said}"]
    assert warnings_of(tmp_path, HEAD + f"parameters:\n  x: {{value: {text}}}\n") == expected


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    """Editors that write a byte order mark do no harm."""
    assert load_text(tmp_path, b"\xef\xbb\xbf" + MINIMAL.encode()).config.seed == 0


def test_files_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name are said plainly."""
    for path, what in (
        (str(tmp_path / "no.yaml"), "there is no such file"),
        (str(tmp_path), "is a folder; name the sweep file in it"),
        (str(tmp_path / ("x" * 5000)), "cannot be read: File name too long"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.problems == (f"{path}: {what}",)
    with pytest.raises(ConfigError, match="cannot be read: embedded null byte"):
        load("a\0b")


def test_an_endless_device_is_read_to_the_limit() -> None:
    """A file that is no regular one is read no further than a sweep file may be long."""
    with pytest.raises(ConfigError, match="is larger than 1 MiB"):
        load("/dev/zero")
