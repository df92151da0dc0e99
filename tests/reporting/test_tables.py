from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import RenderableType

from sweeper.errors import SweeperError
from sweeper.model import (
    Decision,
    RegionEnergy,
    Source,
    SweepHistory,
    TrialState,
    Verdict,
)
from sweeper.reporting.flags import FLAGS
from sweeper.reporting.summary import Summary
from sweeper.reporting.tables import page_console, sweep_page
from sweeper.reporting.trial_files import TrialFolder
from sweeper.reporting.trial_page import trial_page
from sweeper.testing.histories import (
    history_of,
    trial_row,
    use_row,
)
from tests.reporting.gpus import GIB, SHARED, UUID, account, board
from tests.reporting.samples import FRONT, MIXED, constrained, summary_of

EVIL = "[red]x[/red] [/] :smile: \x1b[31mred\x1b]0;t\x07"
LITERAL = "[red]x[/red] [/] :smile: red"


def _printed(page: RenderableType, *, is_terminal: bool = False, width: int | None = None) -> str:
    stream = io.StringIO()
    page_console(stream, is_terminal=is_terminal).print(page, width=width)
    return stream.getvalue()


def _trial(history: SweepHistory, number: int, **files: tuple[str, ...]) -> str:
    named = {name.replace("_", "."): lines for name, lines in files.items()}
    return _printed(
        trial_page(history, number, summary_of(history), [TrialFolder("/state/7", named)])
    )


def test_sweep_page_shows_every_trial() -> None:
    """The page has the summary and one line per trial, with what this sweep spent on it."""
    text = _printed(sweep_page(MIXED, summary_of(MIXED)))
    assert "best      trial 2, val_accuracy 0.9 at step 2" in text
    rows = [line.split() for line in text[text.index("\ntrial ") :].splitlines()[2:]]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert rows[2][:7] == ["2", "complete", "run", "0.9", "2", "25.0", "J"]
    assert rows[3][:7] == ["3", "complete", "cache", "0.8", "2", "0", "J"]
    assert "unknown" in rows[5]


def test_long_sweep_page_has_all_rows() -> None:
    """No trial is left out of a long table."""
    history = history_of(*(trial_row(n, [0.5], energy=1.0) for n in range(500)))
    text = _printed(sweep_page(history, summary_of(history)))
    assert sum("complete  run" in line for line in text.splitlines()) == 500


def test_empty_sweep_page() -> None:
    """A sweep without trials has a page without a table."""
    history = history_of()
    assert "0 asked" in _printed(sweep_page(history, summary_of(history)))


def test_pages_have_neither_colour_nor_wrapping_off_a_terminal() -> None:
    """What is piped has one line per row and no escape codes."""
    history = history_of(trial_row(0, [0.5], params={"text": "word " * 100}))
    text = _printed(sweep_page(history, summary_of(history)))
    assert "\x1b" not in text
    assert ("word " * 100).strip() in text


def test_what_users_wrote_is_printed_literally() -> None:
    """Markup, emoji codes and escapes in params, causes and logs neither style nor vanish."""
    row = trial_row(0, [0.5], params={"p": EVIL}, state=TrialState.FAILED, cause=f"error: {EVIL}")
    history = history_of(row)
    page = _printed(sweep_page(history, summary_of(history)))
    assert f'p="{LITERAL}" (error: {LITERAL})' in page
    trial = _trial(history, 0, error_txt=(EVIL,))
    assert trial.count(LITERAL) == 2
    assert r'p = "[red]x[/red] [/] :smile: \u001b[31mred' in trial
    assert "\x1b" not in page + trial


def test_trial_page_of_a_retried_trial() -> None:
    """The page shows value, energy over all attempts, where from, and each attempt."""
    text = _trial(MIXED, 2)
    assert "trial 2 of digits-mlp-7f3a  complete  trained by this sweep" in text
    assert "  hidden = 64" in text
    assert "value     val_accuracy 0.9 at step 2" in text
    assert "energy    25.0 J spent by this sweep" in text
    assert "source measured:counter, attribution exclusive\n          coverage 100 %\n" in text
    assert "worker: node died" in text
    assert "20.0 J  2.0 s" in text


def test_trial_page_of_a_cached_trial() -> None:
    """A cached trial names who trained it, where and when, and consumed nothing now."""
    text = _trial(MIXED, 3)
    assert "complete  from the store" in text
    assert "0 J spent by this sweep" in text
    assert "21.0 J when it was trained" in text
    assert "trained   by alice on node9 as vit-7f3a/12, stored 2025-12-31 00:00 UTC" in text
    assert "          with NVIDIA H200\n" in text
    assert "          avoided 21.0 J (would not necessarily have been run)" in text


def test_trial_page_shows_the_whole_account() -> None:
    """Uncertainty, bounds, parts, the board and its sensor, and each flag in plain words."""
    line = board(400.0, device_j=560.0, external_j=3.0, utilisation=0.1, memory_peak_bytes=8 * GIB)
    energy = replace(account(400.0, line, flags=("unsettled", "brand_new")), settled=True)
    text = _trial(history_of(trial_row(0, [0.5], energy=energy)), 0)
    lines = text[text.index("energy  ") : text.index("time  ")].splitlines()
    assert [line.strip() for line in lines] == [
        "energy    400 J spent by this sweep",
        "scope gpu, source measured:counter, attribution sm_util",
        "400 J ± 6 %, between 320 J and 560 J, coverage 100 %, settled",
        "idle draw 100 J, dynamic 300 J",
        "CPU apart 40.0 J (estimated:cpu_load)",
        f"NVIDIA H200 {UUID}: 400 J of 560 J, others 3.00 J, busy 10 %, memory 8.0 GiB of 140 GiB",
        "41 to 55 °C, idle 75 W, limit 700 W, sensor moves every 100 ms",
        f"flag unsettled: {FLAGS['unsettled']}",
        "flag brand_new",
    ]


def test_trial_page_leaves_out_what_is_unknown() -> None:
    """A plain account takes two lines, however much could be known of others."""
    text = _trial(history_of(trial_row(0, [0.5], energy=5.0)), 0)
    lines = text[text.index("energy  ") : text.index("time  ")].splitlines()
    assert [line.strip() for line in lines] == [
        "energy    5.00 J spent by this sweep",
        "scope gpu, source measured:counter, attribution exclusive",
        "coverage 100 %",
    ]
    assert "region" not in text


def test_trial_page_tells_replicates_apart() -> None:
    """Replicates with accounts of their own have a block each."""
    rows = [
        trial_row(0, [0.5], energy=account(energy_j), replicate=n)
        for n, energy_j in enumerate([400.0, 600.0])
    ]
    text = _trial(history_of(*rows), 0)
    assert "  replicate 0:\n" in text
    assert text.index("400 J ± 6 %") < text.index("replicate 1:") < text.index("600 J ± 6 %")


def test_trial_page_shows_regions() -> None:
    """Each named region is a row, over all replicates; what is unknown says so."""
    regions = (RegionEnergy("inference", 30.0, 3.0, 2), RegionEnergy("warm_up", None, 1.0))
    rows = [
        trial_row(0, [0.5], energy=account(100.0, regions=regions), replicate=n) for n in range(2)
    ]
    lines = _trial(history_of(*rows), 0).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("region"))
    assert [line.split() for line in lines[start : start + 3]] == [
        ["region", "energy", "time", "passages"],
        ["inference", "60.0", "J", "6.0", "s", "4"],
        ["warm_up", "unknown", "2.0", "s", "2"],
    ]


def test_sweep_page_shows_how_busy_gpus_were() -> None:
    """Utilisation and peak memory stand beside the energy, if any trial has them."""
    text = _printed(sweep_page(SHARED, summary_of(SHARED)))
    rows = text[text.index("\ntrial ") :].splitlines()[1:]
    assert "energy  GPU busy  GPU memory" in rows[0]
    assert "400 J      10 %     8.0 GiB" in rows[1]
    assert "GPU busy" not in _printed(sweep_page(MIXED, summary_of(MIXED)))


def test_gpu_columns_go_first_on_a_narrow_terminal() -> None:
    """Where there is no room, value and energy stay and utilisation goes."""
    page = sweep_page(SHARED, summary_of(SHARED))
    text = _printed(page, is_terminal=True, width=60)
    assert "energy" in text
    assert "GPU memory" not in text


def test_trial_page_cuts_long_curves() -> None:
    """Twenty points are shown, then how many more there are, and the last one."""
    history = history_of(trial_row(0, [n / 100 for n in range(1, 51)], energy=50.0))
    text = _trial(history, 0)
    assert "  20           0.2  20.0 J" in text
    assert "  21           0.21" not in text
    assert "and 30 more, the last: step 50, val_accuracy 0.5, 50.0 J" in text


def test_trial_page_names_files_and_ends_of_logs() -> None:
    """Files that exist are named; of those that tell of errors the last lines are shown."""
    text = _trial(MIXED, 5, stdout_log=("quiet",), error_txt=("Traceback", "  File x"))
    assert "files     /state/7\n          /state/7/stdout.log\n          /state/7/error.txt" in text
    assert "end of error.txt:\n  Traceback\n    File x" in text
    assert "quiet" not in text
    assert "cause     error: ValueError: bad 3" in text


def test_unknown_trial() -> None:
    """A trial that the sweep does not have is an error that says what it has."""
    with pytest.raises(SweeperError, match="has no trial 99: it has 6"):
        _trial(MIXED, 99)


def test_parked_and_uncacheable_trials_have_pages() -> None:
    """A trial that waits has no outcome yet, spent nothing, and its page still prints."""
    row = trial_row(0, state=TrialState.PARKED, source=None, elapsed_s=None)
    text = _trial(history_of(replace(row, uncached="params.key: a secret")), 0)
    assert "store     not cacheable: params.key: a secret" in text
    assert "parked  no outcome yet" in text
    assert "0 J spent by this sweep" in text


def test_other_hardware_is_named_on_the_trial_page() -> None:
    """Joules that another kind of device would have used say so."""
    row = trial_row(0, [0.5], source=Source.CACHE)
    history = history_of(row, uses=[use_row(0, 7.0, comparable=False)])
    assert "with NVIDIA H200, which may be other hardware than this sweep's" in _trial(history, 0)


DECISIONS = (
    Decision(3, Verdict(False, "hyperband", 3, 0.6123456789, 0.5)),
    Decision(9, Verdict(True, "hyperband", 9, 0.4, 0.7)),
    Decision(10, Verdict(True, "threshold")),
)


def test_trial_page_shows_every_decision() -> None:
    """Early stopping is a table: step, rule, rung, value, threshold, and what was decided."""
    row = trial_row(0, [0.5], state=TrialState.PRUNED, decisions=DECISIONS)
    lines = _trial(history_of(row), 0).splitlines()
    start = next(n for n, line in enumerate(lines) if "threshold" in line)
    assert [line.split() for line in lines[start : start + 4]] == [
        ["step", "rule", "rung", "value", "threshold", "early", "stopping"],
        ["3", "hyperband", "3", "0.612346", "0.5", "go", "on"],
        ["9", "hyperband", "9", "0.4", "0.7", "prune"],
        ["10", "threshold", "prune"],
    ]


def test_trial_page_has_a_column_per_metric_and_dotted_params() -> None:
    """The curve shows every metric, built-in ones from joules; nested params are dotted."""
    params = {"net": {"layers": 2, "act": {"name": "relu"}}, "empty": {}}
    row = trial_row(0, [(0.5, None), (0.25, None)], final=(0.25, 8.0), energy=8.0, params=params)
    history = history_of(row)
    page = trial_page(history, 0, summary_of(history, goals=FRONT), [TrialFolder("/state/0", {})])
    text = _printed(page)
    assert '  net.layers = 2\n  net.act.name = "relu"\n  empty = {}\n' in text
    assert "value     val_accuracy 0.25 at step 2\n          energy_j 8\n" in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith(("step", "1  "))]
    assert rows == [
        ["step", "val_accuracy", "energy_j", "energy", "time"],
        ["1", "0.5", "4", "4.00", "J", "1.0", "s"],
    ]


def test_trial_page_of_replicates() -> None:
    """Mean and spread are the trial's, each replicate has its own line and its own files."""
    rows = [
        trial_row(0, [0.25], energy=1.0, told=None),
        trial_row(0, [0.75], energy=2.0, replicate=1),
    ]
    history = history_of(*rows)
    folders = [TrialFolder("/state/0", {}), TrialFolder("/state/0-r1", {"error.txt": ("bad",)})]
    text = _printed(trial_page(history, 0, summary_of(history), folders))
    assert "value     val_accuracy 0.5 ± 0.35 (2 seeds) at step 1" in text
    assert "energy    3.00 J spent by this sweep" in text
    assert "0.0  complete  run         1          0.25  1.00 J" in text
    assert "1.0  complete  run         1          0.75  2.00 J" in text
    assert "end of /state/0-r1/error.txt:\n  bad" in text


def test_trials_that_break_constraints_say_which() -> None:
    """A complete trial that is not feasible names what it breaks, in the list and on its page."""
    history = history_of(trial_row(0, [0.5]), trial_row(1, [0.9]))
    summary = summary_of(history, goals=constrained("val_accuracy >= 0.75"))
    page = _printed(sweep_page(history, summary))
    assert page.count("(breaks val_accuracy >= 0.75)") == 1
    trial = _printed(trial_page(history, 0, summary, [TrialFolder("/state/0", {})]))
    assert "          breaks val_accuracy >= 0.75\n" in trial


def _wide_sweep(seeds: int) -> tuple[SweepHistory, Summary]:
    """Return three trials with two objectives, many params and one early stop."""
    long = {f"parameter_{n}": 0.123456 * n for n in range(12)}
    rows = [
        trial_row(n, [(0.968889 + n / 1000 + r / 100, None)], energy=7.0 - n, replicate=r,
                  final=(0.968889 + n / 1000 + r / 100, 7.0 - n), params=long, decisions=DECISIONS)
        for n in range(3)
        for r in range(seeds)
    ]  # fmt: skip
    pruned = trial_row(3, [(0.1, None)], state=TrialState.PRUNED, cause="pruner: at rung 3")
    history = history_of(*rows, pruned)
    return history, summary_of(history, goals=FRONT)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_pages_fit_their_terminal(width: int, seeds: int) -> None:
    """No line is wider than the terminal, no cell is cut, and every param is there."""
    history, summary = _wide_sweep(seeds)
    page = _printed(sweep_page(history, summary), width=width)
    trial = _printed(trial_page(history, 1, summary, [TrialFolder("/state/1", {})]), width=width)
    for text in (page, trial):
        assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    listed = page[page.index("\ntrial ") :]
    for whole in ("complete", "pruned", "val_accuracy", "energy_j", "0.969889" if seeds == 1
                  else "0.979889 ± 0.01", "(pruner: at rung 3)"):  # fmt: skip
        assert whole in listed
    assert listed.replace("\n", "").replace(" ", "").count("parameter_11=1.36") == 3


def test_narrow_terminal_has_the_params_below_their_trial() -> None:
    """Where the params have no room beside the figures they stand below them."""
    history, summary = _wide_sweep(3)
    lines = _printed(sweep_page(history, summary), width=80).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("trial "))
    assert lines[start].split()[-2:] == ["steps", "energy"]
    assert lines[start + 1].split()[:2] == ["0", "complete"]
    assert lines[start + 2].startswith("       parameter_0=0 parameter_1=0.123")
    assert lines[start + 3].startswith("       parameter_")
