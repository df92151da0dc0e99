"""Builds the fake ``libnvidia-ml.so.1`` on which unmodified pynvml runs; nvml.c documents it.

Start a process with the folder on ``LD_LIBRARY_PATH``: the loader reads that variable only once.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["build"]

_SOURCE = Path(__file__).with_name("nvml.c")


def build(folder: Path) -> Path:
    """Compile the library with the system's C compiler.

    Args:
        folder: Where to put it; must exist.

    Returns:
        The library's path.

    Raises:
        FileNotFoundError: If there is no ``cc``.
        subprocess.CalledProcessError: If it does not compile.
    """
    library = folder / "libnvidia-ml.so.1"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    name = f"-Wl,-soname,{library.name}"
    subprocess.run(["cc", *flags, name, "-o", str(library), str(_SOURCE), "-lm"], check=True)
    return library
