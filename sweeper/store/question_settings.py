"""What the sweep file says about the question, and what follows from it without reading a file.

Imports only its own room's files and ``sweeper``'s values; no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import Uncacheable, Value
from sweeper.places import state_folder
from sweeper.store.code_closure import CodePolicy, CodeSpec
from sweeper.store.command_code import CommandCode, code_named_by, refused_variable, variables_of
from sweeper.store.data_files import DataVersion
from sweeper.store.environment import EnvPolicy
from sweeper.store.secret import secret_in

__all__ = ["QuestionSettings"]


@dataclass(frozen=True, slots=True)
class QuestionSettings:
    """What the sweep file says about the question.

    Attributes:
        entry: What is trained with: ``examples/digits_mlp.py:train`` as written,
            ``program:train.py``, or ``command`` for a command without a program file.
        entry_file: The file that holds it; None: a command without a program file.
        root: The project's folder; relative paths start there.
        metric_names: In the order of the sweep.
        max_steps: The planned horizon; None: open.
        trial_seed: The seed of every trial's first replicate, each further one's is one more; None:
            each configuration has its own.
        effective_env: Environment variables as the workers will have them.
        memo_folder: Where digests of data files are remembered; None: nowhere.
        namespace: Isolates a group.
        salt: Another one disowns all earlier results.
        ignore: Parameters whose values leave the key, by name or by dotted path.
        data: Paths, globs and declared versions.
        env_policy: How exactly the software has to be the same.
        env_vars: Further environment variables that results depend on.
        prefix_safe: A curve does not depend on the planned horizon.
        code_policy: How the project's files are found.
        code_include: Paths and globs of further files.
        code_exclude: Paths and globs of files that do not matter.
        command: The unexpanded command template; None: a Python objective.
        output: How metrics are read from what a program prints; None: nothing is read there.
        hardware: The kind of hardware, where joules or seconds decide; None: any will do.
        meter: Where joules come from, where results depend on them.
        sweep_file: Not part of the code.
    """

    entry: str
    entry_file: Path | None
    root: Path
    metric_names: tuple[str, ...]
    max_steps: int | None
    trial_seed: int | None
    effective_env: Mapping[str, str]
    memo_folder: Path | None = None
    namespace: str = "default"
    salt: str = ""
    ignore: tuple[str, ...] = ()
    data: tuple[str | DataVersion, ...] = ()
    env_policy: EnvPolicy = EnvPolicy.CORE
    env_vars: tuple[str, ...] = ()
    prefix_safe: bool = False
    code_policy: CodePolicy = CodePolicy.IMPORTS
    code_include: tuple[str, ...] = ()
    code_exclude: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    output: Value = None
    hardware: Mapping[str, Value] | Uncacheable | None = None
    meter: str | None = None
    sweep_file: Path | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the environment variables that results depend on, ascending."""
        return tuple(sorted({*variables_of(self.command or ()), *self.env_vars}))

    @property
    def refused_variable(self) -> Uncacheable | None:
        """Say which of them keeps the sweep out of the store; None: none does."""
        env = self.effective_env
        for name in self.env_vars:
            if name in env and secret_in({name: env[name]}) is not None:
                why = "looks like a secret; take it out of cache.env_vars"
                return Uncacheable(f"env.{name}", why)
        return refused_variable(variables_of(self.command or ()), env)

    def horizon_document(self) -> dict[str, Value]:
        """Return the section ``horizon``."""
        if self.prefix_safe:
            return {"policy": "prefix_safe"}
        return {"policy": "fixed", "total": self.max_steps}

    def code_spec(self) -> CodeSpec:
        """Say which code is to be read."""
        code = CommandCode(self.entry_file)
        if self.command is not None:
            root, env = self.root.resolve(), self.effective_env
            code = code_named_by(self.command, self.entry_file, root, env)
        own = () if self.sweep_file is None else (self.sweep_file,)
        return CodeSpec(
            entry=code.entry,
            root=self.root,
            named=code.further,
            modules=code.modules,
            policy=self.code_policy,
            include=self.code_include,
            exclude=self.code_exclude,
            left_out=(*own, state_folder(self.effective_env)),
        )

    def metric_document(self) -> dict[str, Value]:
        """Return the section ``metric``."""
        printed = {} if self.output is None else {"output": self.output}
        return {"names": self.metric_names, "meter": self.meter, **printed}
