"""``python -m sweeper.energy.validation``: the protocol without the rest of the program."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sweeper.energy.validation.load import AUTO, KINDS
from sweeper.energy.validation.plan import FULL, QUICK
from sweeper.energy.validation.protocol import EXPERIMENTS, validate
from sweeper.energy.validation.report import validation_text

__all__ = ["main"]

_DESCRIPTION = (
    "Check the energy meter on a GPU of this machine: it is kept busy and read, no setting is "
    "changed. Under ten minutes."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the protocol and print what it found.

    Args:
        arguments: Of the command line; None: those of this process.

    Returns:
        The exit code: 0 if something was looked at and nothing failed, else 1.
    """
    ids = [experiment.id for experiment in EXPERIMENTS]
    parser = argparse.ArgumentParser(
        prog="python -m sweeper.energy.validation", description=_DESCRIPTION
    )
    parser.add_argument("--gpu", default="0", help="NVML index or UUID; default: 0")
    parser.add_argument("--quick", action="store_true", help="two to three minutes")
    parser.add_argument("--load", default=AUTO, choices=(AUTO, *KINDS), help="what keeps it busy")
    parser.add_argument("--only", default=[], nargs="+", choices=ids, help="some experiments only")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the findings as JSON")
    given = parser.parse_args(arguments)
    validation = validate(
        gpu=given.gpu,
        plan=QUICK if given.quick else FULL,
        kind=given.load,
        only=given.only,
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if given.output is not None:
        try:
            given.output.write_text(json.dumps(validation.to_json(), indent=2) + "\n", "utf-8")
        except OSError as error:
            print(f"--output {given.output}: {error.strerror}", file=sys.stderr)
    print(validation_text(validation))
    return 0 if validation.passed else 1


if __name__ == "__main__":
    sys.exit(main())
