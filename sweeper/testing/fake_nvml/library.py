"""Compiles the fake library. Imports nothing of the package."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["build"]

_SOURCES = sorted(Path(__file__).parent.glob("*.c"))
_FLAGS = ["-std=gnu11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]


def build(folder: Path, *, without: Sequence[str] = ()) -> Path:
    """Compile the library with the system's C compiler.

    Args:
        folder: Where to put it; must exist.
        without: Calls that the library does not have, as an older driver's.

    Returns:
        The library's path.

    Raises:
        FileNotFoundError: If there is no ``cc``.
        subprocess.CalledProcessError: If it does not compile.
    """
    library = folder / "libnvidia-ml.so.1"
    symbols = folder / "symbols.map"
    hidden = "".join(f" {call};" for call in without)
    symbols.write_text(f"{{ global: nvml*; local:{hidden} *; }};\n", encoding="ascii")
    linked = f"-Wl,-soname,{library.name},--version-script={symbols}"
    sources = [str(source) for source in _SOURCES]
    subprocess.run(
        ["cc", *_FLAGS, linked, "-o", str(library), *sources, "-lm", "-pthread"], check=True
    )
    return library
