"""How long the command line takes before anything is trained, beside a bare Python.

Run it:  python benchmarks/startup.py
Prints the median of several runs, in milliseconds, and the ratio to a bare Python.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 9


def median_ms(*command: str) -> float:
    """Run a command several times; return the median wall time in milliseconds."""
    took_ms = []
    for _ in range(RUNS):
        started_s = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        took_ms.append((time.perf_counter() - started_s) * 1e3)
    return statistics.median(took_ms)


def main() -> None:
    """Time the start of each and print a table."""
    commands = {
        "bare Python": ("-c", "pass"),
        "import sweeper": ("-c", "import sweeper"),
        "sweeper --help": ("-m", "sweeper", "--help"),
        "import optuna": ("-c", "import optuna"),
        "import ray": ("-c", "import ray"),
    }
    bare_ms = 0.0
    print(f"{'':16} {'median':>9} {'over bare':>10} {'ratio':>6}")
    for name, command in commands.items():
        took_ms = median_ms(*command)
        bare_ms = bare_ms or took_ms
        print(f"{name:16} {took_ms:6.0f} ms {took_ms - bare_ms:7.0f} ms {took_ms / bare_ms:6.1f}")


if __name__ == "__main__":
    main()
