"""The pages of ``sweeper cache``: its documents, laid out for people.

Owns: their layout. Takes plain documents, whose keys ``cli/cache_facts.py`` promises. Imports rich
through ``grid.py``: only these verbs import this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.grid import table_of
from sweeper.reporting.hardware_words import hardware

__all__ = [
    "claims_table",
    "difference_lines",
    "explanation_page",
    "record_page",
    "records_table",
    "status_page",
]

Facts = Mapping[str, Any]


def status_page(facts: Facts) -> str:
    """Lay out ``status``."""
    role = f" ({facts['role']})" if facts["role"] else ""
    lines = [
        _line("store", f"{facts['store']}, schema {facts['schema']}, as {facts['who']}{role}"),
        _line("records", _records(facts)),
        _line("claims", _claims(facts["claims"])),
        _line("answers", _answers(facts)),
        _line("energy", f"consumed {_joules(facts['consumed'])}"),
        _line("", f"avoided {_avoided(facts['avoided'])}"),
    ]
    if facts["uncached"]:
        number = sum(one["trials"] for one in facts["uncached"])
        why = ", ".join(f"{one['reason']} {one['trials']}" for one in facts["uncached"][:3])
        lines.append(_line("uncached", f"{figures.count(number, 'trial', 'trials')}: {why}"))
    if facts["spooled"]:
        lines.append(_line("waiting", f"{facts['spooled']} result(s) on this machine"))
    return "\n".join(lines)


def _line(name: str, text: str) -> str:
    return f"{name:<10}{one_line(text)}"


def _records(facts: Facts) -> str:
    kinds = [f"{figures.count(n)} {kind}" for kind, n in facts["records"].items() if n]
    beside = [
        f"{name} {facts[name]:,}" for name in ("tainted", "revoked", "suspect") if facts[name]
    ]
    return "  ".join([*(kinds or ["none"]), *beside])


def _claims(claims: Facts) -> str:
    return f"{claims['live']} live ({claims['yours']} yours), {claims['expired']} expired"


def _answers(facts: Facts) -> str:
    by = facts["answers"]
    asked = sum(by.values())
    names = {"run": "trained", "cache": "cached", "attached": "attached", "duplicate": "duplicate"}
    parts = " + ".join(f"{by[kind]:,} {name}" for kind, name in names.items())
    return f"{facts['days']} days: {asked:,} asked = {parts}"


def _joules(sums: Facts) -> str:
    if not sums["terms"]:
        return "nothing"
    coverage = figures.percent(sums["known"] / sums["terms"])
    return f"{figures.energy(sums['energy_j'])} (coverage {coverage})"


def _avoided(sums: Facts) -> str:
    if not sums["terms"]:
        return "nothing"
    part = sums["comparable_j"] / sums["energy_j"] if sums["energy_j"] else 1.0
    comparable = f"comparable {figures.percent(part)}"
    return f"{_joules(sums)[:-1]}, {comparable}; would not necessarily have been run)"


def records_table(rows: Iterable[Facts], *, now: float) -> RenderableType:
    """Lay out ``ls``."""
    header = ["record", "status", "steps", "energy", "who", "host", "stored", "uses", "trial"]
    cells = [
        (
            row["uid"][:12],
            _status(row),
            figures.count(row["steps"]),
            figures.energy(row["energy_j"]),
            row["who"],
            row["host"],
            figures.ago(now - row["stored_at"]),
            figures.count(row["uses"]),
            row["trial"] or "",
        )
        for row in rows
    ]
    return table_of(header, cells, right={2, 3, 7})


def _status(row: Facts) -> str:
    """Say how it ended, and in one word why it answers nobody."""
    if row["served"]:
        return str(row["status"])
    why = "damaged" if not row["sound"] else row["verdict"] if row["verdict"] else "tainted"
    return f"{row['status']} ({'tainted' if row['tainted'] else why})"


def record_page(facts: Facts, *, now: float) -> str:
    """Lay out ``show``."""
    age = figures.ago(now - facts["stored_at"])
    lines = [
        f"record {facts['uid']}",
        _line("status", f"{_status(facts)}, {figures.count(facts['steps'], 'step', 'steps')}"),
        _line("energy", f"{figures.energy(facts['energy_j'])} ({facts['source']})"),
        _line("trained", f"by {facts['who']} on {facts['host']}, {hardware(facts['hardware'])}"),
        _line(
            "",
            f"{figures.duration(facts['elapsed_s'])}, stored {age}",
        ),
        _line("trial", facts["trial"] or "unknown"),
        _line("key", f"{facts['config_key'][:12]}, seed {facts['seed']}"),
    ]
    commit = facts["provenance"].get("commit")
    if commit:
        dirty = facts["provenance"].get("dirty") or ()
        edited = f", edited since: {', '.join(map(str, dirty))}" if dirty else ""
        lines.append(_line("commit", f"{commit}{edited}"))
    if facts["origin"]:
        lines.append(_line("imported", f"from store {facts['origin']}"))
    lines += [_line(name, str(facts[name])) for name in ("cause", "tainted") if facts[name]]
    lines += [
        _line("said", f"{said['verdict']} by {said['who']}: {said['reason']}")
        for said in facts["verdicts"]
    ]
    return "\n".join([*lines, *_uses(facts["used_by"])])


def _uses(uses: Sequence[Facts], most: int = 20) -> list[str]:
    if not uses:
        return [_line("used by", "nobody yet")]
    lines = [
        f"{use['who']}: {use['trial']} ({use['kind']}, {figures.energy(use['avoided_j'])} avoided)"
        for use in uses[:most]
    ]
    if len(uses) > most:
        lines.append(f"and {len(uses) - most} more")
    return [_line("used by" if at == 0 else "", line) for at, line in enumerate(lines)]


def claims_table(rows: Iterable[Facts]) -> RenderableType:
    """Lay out ``claims``."""
    cells = [
        (
            row["run_key"][:12],
            row["who"],
            row["host"],
            f"{row['steps']}/{row['steps_total']}" if row["steps_total"] else str(row["steps"]),
            figures.duration(row["expires_in_s"]) if row["expires_in_s"] > 0 else "expired",
            row["trial"] or "",
        )
        for row in rows
    ]
    return table_of(["key", "who", "host", "steps", "lease", "trial"], cells, right={3})


def explanation_page(facts: Facts, *, now: float) -> str:
    """Lay out ``explain``."""
    if facts["uncached"] is not None:
        return f"NO KEY  {one_line(facts['uncached'])}; such a trial is always trained"
    name = facts["run_key"][:6]
    answer = facts["answered_by"]
    if answer is not None:
        return f"HIT   {name}  answered by {_named(answer, now)}"
    nearest = facts["nearest"]
    head = "nothing like it is stored" if nearest is None else f"nearest {_named(nearest, now)}"
    lines = [f"MISS  {name}  {head}"]
    lines += [f"  known   {one_line(known)}" for known in facts["known"]]
    if nearest is not None:
        lines += difference_lines(facts)
    return "\n".join([*lines, *(f"  note    {one_line(note)}" for note in facts["notes"])])


def _named(row: Facts, now: float) -> str:
    steps = figures.count(row["steps"], "step", "steps")
    return one_line(
        f"{row['uid'][:6]} ({row['who']} on {row['host']}, {figures.ago(now - row['stored_at'])}, "
        f"{_status(row)}, {steps}, {figures.energy(row['energy_j'])})"
    )


def difference_lines(facts: Facts, most: int = 8) -> list[str]:
    """Lay out what differs, a line per section, and what does not."""
    lines = []
    for section, found in facts["differs"].items():
        shown = ", ".join(_difference(section, one) for one in found[:most])
        more = f" and {len(found) - most} more" if len(found) > most else ""
        lines.append(f"  {section:<10} differs  {one_line(shown)}{more}")
    if facts["equal"]:
        lines.append(f"  equal   {' '.join(facts['equal'])}")
    return lines or ["nothing differs"]


def _difference(section: str, one: Facts) -> str:
    """Say one leaf: of a file only that it was edited, of anything else both values."""
    name = str(one["path"]).removeprefix(f"{section}.")
    if section == "code" and (one["missing"] or str(one["here"]).startswith("(")):
        state = {"here": "only there", "there": "only here"}.get(one["missing"] or "", "edited")
        return f"{name} ({state})"
    here = "absent" if one["missing"] == "here" else one["here"]
    there = "absent" if one["missing"] == "there" else one["there"]
    return f"{name} {there} -> {here}"
