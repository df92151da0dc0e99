"""What a sweep asks of the store: everything that determines its results, read once.

Owns: putting the nine sections together, and noticing that a file changed while the sweep runs.
Imports only its own room's files and ``sweeper``'s values; no database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.errors import CacheError
from sweeper.model import Key, Params, Uncacheable, Value
from sweeper.store.code_closure import CodeClosure, read_code
from sweeper.store.data_files import DataFiles, DigestMemo, read_data
from sweeper.store.environment import Environment, EnvironmentReader
from sweeper.store.key import (
    SECTION_NAMES,
    NotCanonical,
    canonical,
    combine,
    join,
    section_digest,
)
from sweeper.store.question_settings import QuestionSettings
from sweeper.store.secret import secret_in

__all__ = ["Question", "QuestionSettings"]

_API = 1  # of trial.report and the way objectives are driven; raise it when results may change
_SWEEP = b"sweeper/sweep/1\0"


@dataclass(frozen=True, slots=True)
class _Section:
    """A section that is the same for all trials: its text, or why there is none."""

    text: str
    digest: bytes
    refused: Uncacheable | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The key of each trial of one sweep. Built once; safe for one thread.

    Attributes:
        settings: What it was built from.
        code: The project's files; ``Uncacheable``: they could not be read.
        data: The declared data; the same.
        environment: Interpreter, distributions, variables.
        reader: Reads the same where a worker is.
    """

    settings: QuestionSettings
    code: CodeClosure | Uncacheable
    data: DataFiles | Uncacheable
    environment: Environment
    reader: EnvironmentReader
    _fixed: Mapping[str, _Section]
    _memo: DigestMemo

    @classmethod
    def build(cls, settings: QuestionSettings) -> Question:
        """Read and hash the code, the data and the environment.

        Never fails: what cannot be read makes every trial uncacheable, and ``key`` says why.
        """
        memo = DigestMemo(settings.memo_folder)
        code = read_code(settings.code_spec(), settings.memo_folder)
        data = read_data(settings.data, settings.root.resolve(), memo)
        memo.save()
        imports = code.imports if isinstance(code, CodeClosure) else ()
        reader = EnvironmentReader(tuple(imports), settings.variables, settings.env_policy)
        environment = reader.read(settings.effective_env)
        documents: dict[str, object] = {
            "objective": {"entry": settings.entry, "api": _API},
            "code": code.document(settings.command) if isinstance(code, CodeClosure) else code,
            "data": data.document() if isinstance(data, DataFiles) else data,
            "env": settings.refused_variable or environment.document(),
            "hw": settings.hardware or {"policy": "any"},
            "metric": settings.metric_document(),
            "horizon": settings.horizon_document(),
            "namespace": {"name": settings.namespace, "salt": settings.salt},
        }
        fixed = {name: _section(name, document) for name, document in documents.items()}
        return cls(settings, code, data, environment, reader, fixed, memo)

    @property
    def uncacheable(self) -> Uncacheable | None:
        """Return why no trial of the sweep can have a key; None: they can."""
        refused = (section.refused for section in self._fixed.values())
        return next((reason for reason in refused if reason is not None), None)

    def key(
        self, params: Params, *, replicate: int = 0, seed: int | None = None
    ) -> Key | Uncacheable:
        """Make the key of one training; only the parameters are encoded anew.

        Args:
            params: The trial's, as the objective gets them.
            replicate: Which repetition of the trial, each with a seed of its own.
            seed: Of this training; None: as the sweep file says.
        """
        if self.uncacheable is not None:
            return self.uncacheable
        kept, ignored = _without(params, self.settings.ignore)
        policy = "ignore" if ignored else "all"
        try:
            text = canonical({"policy": policy, "values": kept, "ignored": ignored})
        except NotCanonical as error:
            inside = error.path.removeprefix("values").removeprefix(".")
            return Uncacheable(join("params", inside), error.why)
        if (path := secret_in(kept)) is not None:
            why = "looks like a secret; take it out, or list it in cache.ignore"
            return Uncacheable(join("params", path), why)
        sections = {**self._fixed, "params": _Section(text, section_digest("params", text))}
        return combine(
            [(name, sections[name].text) for name in SECTION_NAMES],
            [sections[name].digest for name in SECTION_NAMES],
            seed=self.settings.trial_seed if seed is None else seed,
            replicate=replicate if seed is None else 0,
        )

    def data_changed(self) -> str | None:
        """Read the data again and say what is not as it was when the sweep began.

        Returns:
            One line that names the first file; None: nothing changed.
        """
        if not isinstance(self.data, DataFiles):
            return None
        now = read_data(self.settings.data, self.settings.root.resolve(), self._memo)
        if isinstance(now, Uncacheable):
            return f"{now} (it was there when the sweep began)"
        return _changed(self.data.first_difference(now))

    def code_changed(self, *, besides_project: bool = False) -> str | None:
        """Read the code again; see ``CodeClosure.changed``."""
        if not isinstance(self.code, CodeClosure):
            return None
        return _changed(self.code.changed(besides_project=besides_project))

    @property
    def code_text(self) -> str:
        """Return the canonical text of the code, or why it cannot be keyed."""
        return self._fixed["code"].text

    @property
    def data_text(self) -> str:
        """Return the canonical text of the data, or why it cannot be keyed."""
        return self._fixed["data"].text

    @property
    def env_text(self) -> str:
        """Return the canonical text of the environment."""
        return self._fixed["env"].text

    @property
    def files(self) -> tuple[str, ...]:
        """Return the relative paths of the project files in the key."""
        if isinstance(self.code, Uncacheable):
            return ()
        return tuple(file.relpath for file in self.code.files)

    @property
    def distributions(self) -> Mapping[str, str]:
        """Return the version of each distribution in the key."""
        return dict(self.environment.dists)

    @property
    def _hardware_text(self) -> tuple[str, ...]:
        """Return the canonical text of the hardware, where results depend on it."""
        return () if self.settings.hardware is None else (self._fixed["hw"].text,)

    def sweep_digest(self, decisions: object) -> str:
        """Digest what makes two sweeps the same: the file's decisions, code, data, environment.

        And the kind of hardware, where what is compared depends on it.

        Args:
            decisions: What of the sweep file decides proposals or results.

        Returns:
            64 hex digits.

        Raises:
            CacheError: If the decisions have no canonical text.
        """
        try:
            text = canonical(decisions)
        except NotCanonical as error:
            raise CacheError(f"the sweep file cannot be identified: {error}") from error
        digest = hashlib.sha256(_SWEEP)
        for part in (text, self.code_text, self.data_text, self.env_text, *self._hardware_text):
            body = part.encode()
            digest.update(len(body).to_bytes(8, "big") + body)
        return digest.hexdigest()


def _changed(name: str | None) -> str | None:
    return None if name is None else f"{name} changed since the sweep began"


def _section(name: str, document: object) -> _Section:
    refused = document if isinstance(document, Uncacheable) else None
    if refused is None:
        try:
            text = canonical(document)
            return _Section(text, section_digest(name, text))
        except NotCanonical as error:
            refused = Uncacheable(join(name, error.path), error.why)
    # A file name that is no UTF-8 must not reach the store, which refuses such text.
    why = refused.why.encode(errors="backslashreplace").decode()
    refused = Uncacheable(refused.path, why)
    return _Section(f"uncacheable: {refused}", b"", refused)


def _without(values: Params, ignore: tuple[str, ...]) -> tuple[dict[str, Value], list[str]]:
    """Split off the ignored parameters, and name those that were there."""
    kept = dict(values)
    return kept, [name for name in sorted(ignore) if _drop(kept, name)]


def _drop(values: dict[str, Value], name: str) -> bool:
    """Drop a name or dotted path; mappings on the way are copied, not changed."""
    if name in values:
        del values[name]
        return True
    head, _, rest = name.partition(".")
    inner = values.get(head)
    if not rest or not isinstance(inner, Mapping):
        return False
    values[head] = dict(inner)
    return _drop(values[head], rest)
