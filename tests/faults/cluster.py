"""A Ray cluster of several nodes on this machine, in a process of its own that takes commands.

Run as a module it reads lines, ``add CPUS [LABEL=VALUE]``, ``kill INDEX``, ``head``, and answers
each with one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

__all__ = ["NodeCluster"]


class NodeCluster:
    """Ray's own cluster for tests; its head has no CPUs.

    Args:
        env: Of its processes.
        log: What they print.
    """

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.cluster"],
            cwd=Path(__file__).parents[2],
            env={**env, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.address = self._ask("head")

    def __enter__(self) -> NodeCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=120)
        self._log.close()

    def add(self, cpus: int, **labels: str) -> int:
        """Let a node join and return its index."""
        words = [f"{name}={value}" for name, value in labels.items()]
        return int(self._ask(" ".join(["add", str(cpus), *words])))

    def kill(self, index: int) -> None:
        """Take a node away without a word: its raylet is killed, and all that it has started."""
        self._ask(f"kill {index}")

    def kill_head(self) -> None:
        """Take the head away, and with it the cluster's control plane."""
        self._ask("kill-head")

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        while True:
            answer = self._process.stdout.readline()
            assert answer, "the cluster has died"
            if answer.startswith("= "):
                return answer[2:].strip()


def _kill_all_of(node: Any) -> None:
    """Kill a node's raylet and everything that it has started, as a machine that loses power."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for process in [raylet, *raylet.children(recursive=True)]:
        with suppress(psutil.Error):
            process.kill()


def main() -> None:
    """Obey until there are no more commands."""
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = []
    for line in sys.stdin:
        word, *rest = line.split()
        answer = ""
        if word == "head":
            answer = cluster.address
        elif word == "add":
            labels = dict(item.split("=") for item in rest[1:])
            nodes.append(cluster.add_node(num_cpus=int(rest[0]), labels=labels or None))
            answer = str(len(nodes) - 1)
        elif word == "kill":
            _kill_all_of(nodes[int(rest[0])])
        elif word == "kill-head":
            cluster.head_node.kill_gcs_server(check_alive=False)
        print("=", answer, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
