"""``sweeper cache``, and a lab of two people on one store: a file, and a server with logins."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.lab import Lab, Person
from tests.cli.project import SWEEP, Project


def test_a_second_person_trains_nothing_again(lab: Lab) -> None:
    """The same file under another name: 0 trained, the same best, and it is said whose it is."""
    cold = lab.ann.sweep()
    warm = lab.bob.sweep()
    assert warm["uid"] != cold["uid"]
    counts = warm["trials"]
    assert (counts["trained"], counts["cached"]) == (0, cold["trials"]["asked"])
    assert warm["energy"]["spent_j"] == 0
    assert warm["energy"]["avoided_cache_other_hardware_j"] == 0, "the same machine is comparable"
    best = {**cold["best"], "from_cache": True, "producer": lab.ann.name}
    assert warm["best"] == best
    (producer,) = warm["producers"]
    assert (producer["who"], producer["trials"]) == (lab.ann.name, 4)
    assert producer["host"]
    assert producer["hardware"] not in ([], ["unknown hardware"])

    shown = lab.bob.run("show", "last").out
    assert f"answered by what {lab.ann.name} trained on {producer['host']}" in shown
    assert f"from the store ({lab.ann.name})" in shown
    assert "(would not necessarily have been run)" in shown
    trial = lab.bob.run("show", "last/0", "--json").json
    assert trial["from_cache"] is True
    assert trial["producer"]["who"] == lab.ann.name
    assert trial["producer"]["trial"] == f"{cold['sweep']}/0"
    page = lab.bob.run("show", "last/0").out
    assert f"by {lab.ann.name} on {producer['host']} as {cold['sweep']}/0, stored " in page
    assert "which may be other hardware" not in page


def test_an_overlapping_space_shares_what_overlaps(lab: Lab) -> None:
    """A grid of 6 and a grid of 8 that has 4 of them: 4 answered, told apart in every place."""
    grid = ("method=grid", "budget.trials=null")
    lab.ann.sweep(*grid, "parameters.x={values: [1, 2, 3, 4, 5, 6]}")
    both = lab.bob.sweep(*grid, "parameters.x={values: [3, 4, 5, 6, 7, 8, 9, 10]}", "name=wider")
    counts = both["trials"]
    assert (counts["asked"], counts["trained"], counts["cached"]) == (8, 4, 4)
    shown = lab.bob.run("show", "last", "--json").json
    whose = {t["params"]["x"]: (t["producer"] or {}).get("who") for t in shown["trial_list"]}
    assert whose == {
        **dict.fromkeys((3, 4, 5, 6), lab.ann.name),
        **dict.fromkeys((7, 8, 9, 10)),
    }


def test_the_verbs_tell_one_story(lab: Lab) -> None:
    """What one verb says the others say, too; each has its documented shape."""
    cold = lab.ann.sweep()
    lab.bob.sweep()
    status = lab.bob.cache("status", "--json").json
    assert status["records"]["complete"] == 4
    assert status["answers"] == {"run": 4, "cache": 4, "duplicate": 0, "attached": 0}
    assert status["claims"] == {"live": 0, "yours": 0, "expired": 0}
    assert status["who"] == lab.bob.name
    trained_j = cold["energy"]["spent_j"] - cold["energy"]["overhead_j"]
    assert status["avoided"]["energy_j"] == pytest.approx(trained_j)
    assert status["avoided"]["comparable_j"] == pytest.approx(trained_j)
    text = lab.bob.cache("status").out
    assert "4 complete" in text
    assert "would not necessarily have been run" in text

    rows = lab.bob.cache("ls", "--who", lab.ann.name, "--json").json
    assert len(rows) == 4
    assert {row["uses"] for row in rows} == {1}
    assert lab.bob.cache("ls", "--who", lab.bob.name, "--json").json == []
    listed = lab.bob.cache("ls").out
    assert all(row["uid"][:8] in listed for row in rows)
    record = lab.bob.cache("show", rows[0]["uid"][:10], "--json").json
    assert [use["who"] for use in record["used_by"]] == [lab.bob.name]
    assert record["trial"].startswith(cold["sweep"])
    assert set(record["key"]) >= {"objective", "params", "code", "env", "horizon"}
    assert rows[0]["uid"] in lab.bob.cache("show", rows[0]["uid"][:10]).out
    assert lab.bob.cache("claims", "--json").json == []

    verified = lab.bob.cache("verify", "--json").json
    assert verified == {"records": 4, "configs": 4, "problems": []}
    health = lab.bob.cache("doctor", "--json").json
    assert {check["health"] for check in health["checks"]} <= {"ok", "warn"}, health
    assert "0 expired claim(s)" in lab.admin.cache("gc", "--dry-run").out


def test_explain_names_what_changed(lab: Lab) -> None:
    """Bob edits one helper: his trials miss, and the file is named, with the nearest record."""
    lab.ann.sweep()
    lab.bob.write("helper.py", "\ndef square(x):\n    return x * x + 0\n")
    assert lab.bob.sweep()["trials"]["trained"] == 4
    found = lab.bob.cache("explain", "last/2", "--json").json
    assert found["nearest"]["who"] == lab.ann.name
    assert list(found["differs"]) == ["code"]
    assert any("helper.py" in leaf["path"] for leaf in found["differs"]["code"])
    text = lab.bob.cache("explain", "last/2").out
    assert "helper.py" in text
    own = lab.bob.run("show", "last/2", "--json").json["record"]
    others = found["nearest"]["uid"]
    assert "helper.py" in lab.bob.cache("diff", own, others).out
    assert lab.bob.cache("diff", "last/2", own).out.split()[0] == "equal"


def test_what_is_revoked_is_trained_again(lab: Lab) -> None:
    """Its users are named; the next sweep trains; restored, it answers again."""
    lab.ann.sweep()
    lab.bob.sweep()
    uid = lab.ann.cache("ls", "--json").json[0]["uid"]
    said = lab.ann.cache("revoke", uid, "--reason", "bad GPU").out
    assert "1 record(s) revoked" in said
    assert f"used by {lab.bob.name}: parabola-" in said
    again = lab.bob.sweep("--fresh")["trials"]
    assert (again["trained"], again["cached"]) == (1, 3)
    shown = lab.bob.cache("show", uid, "--json").json
    assert [(one["verdict"], one["reason"]) for one in shown["verdicts"]] == [
        ("revoked", "bad GPU")
    ]
    assert shown["verdicts"][0]["who"] == lab.ann.name

    assert lab.ann.cache("revoke", "--host", "n99", "--reason", "x", code=1).err
    refused = lab.ann.cache("revoke", "--who", lab.ann.name, "--reason", "x", code=2)
    assert "3 records match; add --yes" in refused.err or "4 records match" in refused.err
    assert "say which records" in lab.ann.cache("revoke", "--reason", "x", code=2).err
    lab.ann.cache("revoke", "--who", lab.ann.name, "--reason", "wrong mount", "--yes")
    assert lab.bob.sweep("--fresh")["trials"]["trained"] == 3, "Bob's own record still answers"
    lab.ann.cache("restore", "--who", lab.ann.name, "--reason", "it was right", "--yes")
    assert lab.ann.cache("status", "--json").json["revoked"] == 0

    lab.ann.cache("revoke", uid, "--reason", "bad after all")
    gone = lab.admin.cache("gc", "--revoked", "--older", "0s").out
    assert "removed 1 revoked record(s)" in gone
    assert "no record" in lab.ann.cache("show", uid, code=1).err
    before = lab.ann.run("show", "parabola", "--json")
    assert before.code in (0, 1), "a history whose record went can still be read"


def test_a_bundle_carries_results_to_another_lab(lab: Lab, tmp_path: Path) -> None:
    """Exported here, imported there: 0 trained, and the author stays the author."""
    lab.ann.sweep()
    file = tmp_path / "results.jsonl.gz"
    assert "4 record(s)" in lab.ann.cache("export", "--all", "-o", str(file)).out
    assert "say which records" in lab.ann.cache("export", "-o", str(file), code=2).err
    there = replace(lab.bob, url=f"sqlite:///{tmp_path}/there.db", name="carol")
    assert "4 would be new" in there.cache("import", str(file), "--dry-run").out
    assert "4 are new" in there.cache("import", str(file)).out
    assert "0 are new" in there.cache("import", str(file)).out
    result = there.sweep()
    assert result["trials"]["trained"] == 0
    assert [one["who"] for one in result["producers"]] == [lab.ann.name]

    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    refused = there.cache("import", str(file), code=1)
    assert re.match(r"error: .*results\.jsonl\.gz", refused.err), refused.err


def test_recache_trains_although_it_is_answered(lab: Lab) -> None:
    """It adds records; the first complete one goes on answering."""
    lab.ann.sweep()
    again = lab.bob.sweep("--recache")["trials"]
    assert (again["trained"], again["cached"]) == (4, 0)
    assert lab.bob.cache("status", "--json").json["records"]["complete"] == 8
    third = lab.ann.sweep("--fresh")
    assert third["trials"]["trained"] == 0
    assert [one["who"] for one in third["producers"]] == [lab.ann.name]


def test_resume_by_name_goes_on_in_spite_of_changed_code(lab: Lab) -> None:
    """The same sweep goes on; what the old code gave stays told under its own key."""
    first = lab.ann.sweep()
    lab.ann.write("helper.py", "def square(x):\n    return x * x * 1.0\n")
    more = lab.ann.sweep("--resume", first["sweep"], "budget.trials=6")
    assert more["uid"] == first["uid"]
    assert more["trials"]["trained"] == 6
    keys = lab.ann.cache("ls", "--json").json
    codes = {lab.ann.cache("show", row["uid"], "--json").json["key"]["code"] for row in keys}
    assert len(codes) == 2


def test_wrong_words_are_told(project: Project, tmp_path: Path) -> None:
    """Where, what, what is allowed; one line, exit code 1 or 2, no traceback."""
    person = Person(project.folder, project.state, "ann", f"sqlite:///{tmp_path}/store.db")
    person.sweep()
    for args, code, words in (
        (("ls", "--since", "yesterday"), 2, "neither an age (7d, 12h) nor a date"),
        (("ls", "--status", "good"), 2, "'good' is not one of"),
        (("show", "ffff"), 1, "no record"),
        (("explain", "last"), 2, "write SWEEP/TRIAL"),
        (("explain", "last/99"), 1, "no trial 99"),
        (("diff", "last/0", "zz"), 1, "zz"),
        (("import", "gone.jsonl"), 1, "gone.jsonl: cannot be read"),
        (("gc", "--older", "soon"), 2, "'soon' is no age"),
        (("status", "--store", "mysql://x"), 1, "mysql"),
        (("ls", "--store", f"sqlite:///{tmp_path}/typo.db"), 1, "there is no"),
        (("import", "sweep.yaml"), 1, "is no bundle"),
    ):
        done = person.run("cache", *args)
        assert done.code == code, (args, done)
        assert words in done.err, (args, done.err)
    assert not (tmp_path / "typo.db").exists(), "who only looks makes no store"


def test_what_cannot_be_keyed_is_counted_and_told(project: Project, tmp_path: Path) -> None:
    """A parameter that looks like a secret: trained, said in the summary, counted in status."""
    person = Person(project.folder, project.state, "ann", f"sqlite:///{tmp_path}/store.db")
    person.write("sweep.yaml", SWEEP.replace("parameters:", "parameters:\n  api_key: {value: a}"))
    done = person.run("run", "sweep.yaml", "--local")
    assert "4 trials could not be shared: " in done.out
    assert "api_key" in done.out
    (reason,) = person.cache("status", "--json").json["uncached"]
    assert reason["trials"] == 4
    assert json.dumps(reason["reason"]) in person.cache("status", "--json").out
