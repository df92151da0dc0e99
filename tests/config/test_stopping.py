from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config.stopping import Asha, Hyperband, Median, Patience, Percentile, Rule, Threshold
from tests.config.sweeps import MINIMAL, errors_of, load_text, warnings_of

RULES = "hyperband, asha, median, percentile, threshold, patience or none"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{type: hyperband, min_iter: 3}", Hyperband(min_iter=3, eta=3.0, strict=True)),
        ("{type: hyperband, max_iter: 27, s: 2}", Hyperband(max_iter=27, s=2)),
        ("{type: hyperband, max_iter: 27, s: 2.0, eta: 4, strict: false}",
         Hyperband(max_iter=27, s=2, eta=4.0, strict=False)),
        ("{type: asha}", Asha(min_iter=1, eta=3.0)),
        ("{type: asha, min_iter: 2, eta: 2}", Asha(min_iter=2, eta=2.0)),
        ("asha", Asha()),
        ("{type: median}", Median(warmup_trials=5, min_iter=0)),
        ("{type: median, warmup_trials: 0, min_iter: 4}", Median(warmup_trials=0, min_iter=4)),
        ("median", Median()),
        ("percentile", Percentile(percentile=25.0, warmup_trials=5, min_iter=0)),
        ("{type: percentile, percentile: 10, min_iter: 2}", Percentile(percentile=10, min_iter=2)),
        ("{type: threshold, upper: 3}", Threshold(lower=None, upper=3.0, min_iter=0)),
        ("{type: threshold, lower: 0.2, upper: 3, min_iter: 1}",
         Threshold(lower=0.2, upper=3.0, min_iter=1)),
        ("{type: patience, patience: 4}", Patience(patience=4, min_delta=0.0, then=None)),
        ("{type: patience, patience: 4, then: median}", Patience(patience=4, then=Median())),
        ("{type: patience, patience: 4, then: {type: hyperband, min_iter: 2}}",
         Patience(patience=4, then=Hyperband(min_iter=2))),
        ("{type: patience, patience: 4, then: none}", Patience(patience=4)),
        ("{type: median, metric: loss}", Median(metric="loss")),
        ("none", None),
        ("{type: none}", None),
        ("", None),
    ],
)  # fmt: skip
def test_early_terminate_takes_each_rule(tmp_path: Path, text: str, rule: Rule | None) -> None:
    """Each rule is read with its defaults; a name alone is enough where they are complete."""
    assert load_text(tmp_path, f"{MINIMAL}early_terminate: {text}").config.early_terminate == rule


def test_hyperband_with_both_forms_keeps_max_iter(tmp_path: Path) -> None:
    """As in W&B, ``max_iter`` and ``s`` win over ``min_iter``."""
    text = MINIMAL + "early_terminate: {type: hyperband, min_iter: 1, max_iter: 9, s: 2}"
    assert load_text(tmp_path, text).config.early_terminate == Hyperband(max_iter=9, s=2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("early_terminate: hyperband", "early_terminate: hyperband needs min_iter: write {type: "
         "hyperband, min_iter: 3}"),
        ("early_terminate: hyperbnd", f"early_terminate: must be {RULES}, "
         'got "hyperbnd"; did you mean hyperband?'),
        ("early_terminate: 3", "early_terminate: must be a mapping, such as {type: hyperband, "
         'min_iter: 3}, or "none"'),
        ("early_terminate: {min_iter: 1}", "early_terminate.type: is required: hyperband, asha, "
         "median, percentile, threshold, patience, none"),
        ("early_terminate: {type: [1]}", f"early_terminate.type: must be {RULES}, got [1]"),
        ("early_terminate: {type: hyperband}", "early_terminate: hyperband needs min_iter, or "
         "max_iter and s; add min_iter: 3"),
        ("early_terminate: {type: hyperband, max_iter: 27}", "early_terminate.max_iter: needs s, "
         "the number of bands; or use min_iter alone"),
        ("early_terminate: {type: hyperband, s: 2}", "early_terminate.s: needs max_iter; or use "
         "min_iter alone"),
        ("early_terminate: {type: hyperband, min_iter: 1, eta: 1}", "early_terminate.eta: must be "
         "more than 1, got 1"),
        ("early_terminate: {type: median, eta: 3}", "early_terminate.eta: is not a key of "
         "early_terminate, which has: metric, min_iter, type, warmup_trials"),
        ("early_terminate: {type: asha, eta: 2.5}", "early_terminate.eta: must be a whole number "
         "for asha, got 2.5"),
        ("early_terminate: {type: percentile, percentile: 101}", "early_terminate.percentile: must "
         "be at most 100, got 101"),
        ("early_terminate: threshold", "early_terminate: threshold needs lower or upper: write "
         "{type: threshold, upper: 10.0}"),
        ("early_terminate: {type: threshold}", "early_terminate: threshold needs lower, upper or "
         "both; add upper: 10.0"),
        ("early_terminate: {type: threshold, lower: 2, upper: 1}", "early_terminate.lower: must be "
         "smaller than upper, got lower=2.0 upper=1.0"),
        ("early_terminate: patience", "early_terminate: patience needs patience: write {type: "
         "patience, patience: 5}"),
        ("early_terminate: {type: patience}", "early_terminate.patience: is required: so many "
         "reports without an improvement, such as patience: 5"),
        ("early_terminate: {type: patience, patience: 1, then: {type: median, eta: 1}}",
         "early_terminate.then.eta: is not a key of early_terminate.then, which has: metric, "
         "min_iter, type, warmup_trials"),
        ("early_terminate: {type: patience, patience: 1, then: median, metric: acc}",
         'early_terminate.metric: must be a metric of the sweep, loss, got "acc"'),
        ("early_terminate: {type: patience, patience: 1, then: {type: asha, metric: loss}}",
         "early_terminate.then.metric: belongs to early_terminate itself; move it up"),
        ("early_terminate: {type: patience, patience: 1, then: patience}",
         "early_terminate.then: must be hyperband, asha, median, percentile, threshold or none, "
         'got "patience"'),
        ("early_terminate: {type: none, eta: 3}", "early_terminate: type: none takes no other "
         "keys"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_one_line_with_the_cure(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake is one finished line."""
    assert errors_of(tmp_path, f"{MINIMAL}{text}\n") == [f"sweep.yaml:6: {line}"]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("early_terminate: {type: hyperband, min_iter: 1, s: 2}",
         "early_terminate.s: is ignored: with min_iter the bands have no last one; drop it"),
        ("early_terminate: {type: hyperband, min_iter: 1, max_iter: 9, s: 2}",
         "early_terminate.min_iter: is ignored, because max_iter and s are given; drop one of the "
         "two forms"),
        ("early_terminate: {type: patience, patience: 1, then: {type: hyperband, min_iter: 1, "
         "max_iter: 9, s: 2}}", "early_terminate.then.min_iter: is ignored, because max_iter and s "
         "are given; drop one of the two forms"),
    ],
)  # fmt: skip
def test_of_two_forms_one_is_kept_with_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    """What W&B ignores in silence is said, where the rule stands alone or waits for patience."""
    assert warnings_of(tmp_path, MINIMAL + text) == [f"sweep.yaml:6: {warning}"]
