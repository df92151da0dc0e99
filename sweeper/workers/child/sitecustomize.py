"""Runs at the start of every Python process of a program; Python's ``site`` imports it by its name.

Owns: telling the worker which files are executed, and listening to ``wandb`` once it is imported.
It must be cheap, must not change what the program sees, and must not fail: it imports what Python
has loaded already, and the rest only where ``wandb`` is imported.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes longer to import than all the rest
    from importlib.machinery import ModuleSpec
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_WANDB_RUN = "wandb.sdk.wandb_run"
_INSTALLED = ("/site-packages/", "/dist-packages/")
_MOST_OPENED = 20_000


def _follow(channel: str) -> None:
    """Note each file whose code is executed in a file beside the channel.

    The file is opened each time: a program may close and reuse any descriptor that it inherits.
    """
    private = os.path.dirname(channel)
    standard = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
    seen: set[str] = set()
    looked_at: set[tuple[str, bool]] = set()
    roots = _roots(private)

    def note(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        path = os.path.abspath(name)
        installed = any(part in path for part in _INSTALLED)
        if name[:1] == "<" or installed or path.startswith((standard, _HERE)):
            return
        write_down("executed", path)

    def note_opened(name: str, reads: bool) -> None:
        if (name, reads) in looked_at or len(looked_at) > _MOST_OPENED:
            return
        looked_at.add((name, reads))
        path = os.path.abspath(name)
        if roots and path.startswith(roots) and not any(part in path for part in _INSTALLED):
            write_down("opened" if reads else "written", path)

    def write_down(where: str, path: str) -> None:
        notes = os.path.join(private, where)
        try:
            file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            return  # the trial is over, or out of reach
        try:
            os.write(file, os.fsencode(path) + b"\0")
        finally:
            os.close(file)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if type(args[0]) is str and type(args[2]) is int:
                note_opened(args[0], args[2] & os.O_ACCMODE == os.O_RDONLY)
        elif event == "exec":
            note(getattr(args[0], "co_filename", "<"))
        elif event == "import" and isinstance(args[1], str):
            note(args[1])  # an extension module

    sys.addaudithook(hook)


def _roots(private: str) -> tuple[str, ...]:
    """Return the folders whose files are the project's."""
    try:
        file = os.open(os.path.join(private, "roots"), os.O_RDONLY)
    except OSError:
        return ()
    try:
        names = os.read(file, 65536).decode("utf-8", "surrogateescape")
    finally:
        os.close(file)
    return tuple(root + os.sep for root in names.split("\0") if root)


class _WandbFinder:
    """Finds the module of W&B's runs as it would be found, and has it wrapped when it has run."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Answer for one module only."""
        if name != _WANDB_RUN:
            return None
        sys.meta_path.remove(self)
        for finder in tuple(sys.meta_path):
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                self._wrap(spec.loader)
                return spec
        return None

    def _wrap(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            _listen(module)

        loader.exec_module = exec_module


def _listen(module: Any) -> None:
    """Load what listens to W&B's runs; its file is no module of any package here."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("_sweeper_wandb_log", os.path.join(_HERE, "wandb_log.py"))
    if spec is None or spec.loader is None:
        return
    log = module_from_spec(spec)
    sys.modules[spec.name] = log
    spec.loader.exec_module(log)
    log.listen(module.Run)


def _next_one() -> None:
    """Run the sitecustomize that would have run without us."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != _HERE]
    ours = sys.modules.pop(__name__)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault(__name__, ours)  # whoever imports this one looks for it there


if __name__ == "sitecustomize":
    _channel = os.environ.get("SWEEPER_CHANNEL")
    if _channel:
        _follow(_channel)
        sys.meta_path.insert(0, _WandbFinder())
    _next_one()
