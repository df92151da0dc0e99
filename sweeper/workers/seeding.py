"""Seeds the random generators of a worker before each trial.

A warm worker must carry no generator state from one trial to the next. Libraries that an objective
imports only inside its function are seeded at that moment: they seed themselves from the system
otherwise, and the trial would not be the one that its key names.
"""

from __future__ import annotations

import importlib.abc
import random
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["Seeder"]


class Seeder(importlib.abc.MetaPathFinder):
    """Seeds ``random``, NumPy and torch; the latter two when they are, or come to be, loaded."""

    def __init__(self) -> None:
        self._seed = 0

    def seed(self, seed: int) -> None:
        """Seed what is loaded, and remember the seed for what will be."""
        self._seed = seed
        random.seed(seed)
        for name in _SEEDED:
            if name in sys.modules:
                self.seed_module(name)
        others = [finder for finder in sys.meta_path if not isinstance(finder, Seeder)]
        sys.meta_path[:] = [self, *others]

    def seed_module(self, name: str) -> None:
        """Seed one library that is loaded."""
        module = sys.modules[name]
        if name == "numpy":
            module.random.seed(self._seed % 2**32)
        else:
            module.manual_seed(self._seed)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the ordinary finders find the library, and seed it when it has been run."""
        if name not in _SEEDED:
            return None
        for finder in sys.meta_path:
            if isinstance(finder, Seeder):
                continue
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _SeedingLoader(spec.loader, self)
                return spec
        return None


_SEEDED = ("numpy", "torch")


class _SeedingLoader(importlib.abc.Loader):
    """Loads as the ordinary loader does, then seeds."""

    def __init__(self, inner: importlib.abc.Loader, seeder: Seeder) -> None:
        self._inner = inner
        self._seeder = seeder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as it would be made."""
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then seed it."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._inner  # what looks at the loader later sees the ordinary one
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        self._seeder.seed_module(module.__name__)
