"""What of the software environment can change a number: interpreter, versions, a few variables.

Owns: the section ``env`` under each policy, and which installed distributions a project imports.
Reads package metadata only; imports none of the packages, and nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions

from sweeper.store.key import canonical

__all__ = [
    "EnvPolicy",
    "Environment",
    "EnvironmentReader",
    "imported_distributions",
    "read_environment",
]

# Libraries whose releases can change results, and the kernels below them. PyTorch, for one, does
# not promise equal ones: docs.pytorch.org/docs/stable/notes/randomness.html
_NUMERIC = (
    *("numpy", "scipy", "pandas", "polars", "pyarrow", "numba", "llvmlite", "mkl", "cupy-cuda12x"),
    *(
        "torch",
        "torchvision",
        "torchaudio",
        "torchtext",
        "triton",
        "lightning",
        "pytorch-lightning",
    ),
    *("timm", "xformers", "flash-attn", "deepspeed", "bitsandbytes", "torch-geometric"),
    *("jax", "jaxlib", "flax", "optax", "equinox", "dm-haiku"),
    *("tensorflow", "tensorflow-cpu", "tensorflow-probability", "tf-keras", "keras", "mxnet"),
    *("scikit-learn", "xgboost", "lightgbm", "catboost", "statsmodels", "scikit-image"),
    *("transformers", "tokenizers", "datasets", "accelerate", "peft", "diffusers", "safetensors"),
    *("opencv-python", "opencv-python-headless", "pillow", "albumentations", "onnxruntime"),
    *("nvidia-cublas-cu11", "nvidia-cublas-cu12", "nvidia-cublas"),
    *("nvidia-cudnn-cu11", "nvidia-cudnn-cu12", "nvidia-cudnn-cu13"),
)
_CUDA_RUNTIMES = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu11")
_VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "JAX_ENABLE_X64",
    "TF_ENABLE_ONEDNN_OPTS",
    "PYTHONHASHSEED",
    "XLA_FLAGS",
)


class EnvPolicy(Enum):
    """How exactly the software has to be the same; the values are those of ``cache.env``."""

    CORE = "core"
    FULL = "full"
    MAJOR = "major"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment as far as it enters the key.

    Attributes:
        policy: What was looked at.
        python: Minor version, ``3.12``.
        dists: Name and version of each distribution, ascending.
        cuda: Version of the CUDA runtime that torch uses, ``12.8``; None: no torch, or no CUDA.
        variables: Name and value, ascending; None: not set.
    """

    python: str
    dists: tuple[tuple[str, str], ...]
    cuda: str | None
    variables: tuple[tuple[str, str | None], ...]
    policy: EnvPolicy = EnvPolicy.CORE

    def document(self) -> dict[str, object]:
        """Return the section ``env``."""
        if self.policy is EnvPolicy.NONE:
            named = {"vars": self.variables} if self.variables else {}
            return {"policy": "none", **named}
        return {
            "policy": self.policy.value,
            "python": self.python,
            "dists": self.dists,
            "cuda": self.cuda,
            "vars": self.variables,
        }


def read_environment(
    imports: Iterable[str],
    effective_env: Mapping[str, str],
    named: Iterable[str] = (),
    policy: EnvPolicy = EnvPolicy.CORE,
) -> Environment:
    """Read the environment that the workers will have.

    Args:
        imports: Top-level names that the project's files import from installed packages.
        effective_env: The workers' environment variables; only those named in docs/cache-key.md are
            looked at.
        named: Further variables that enter the key, under every policy.
        policy: ``CORE``: numerical libraries and what is imported; ``FULL``: every distribution;
            ``MAJOR``: the first number of each numerical library's version; ``NONE``: nothing but
            the named variables.
    """
    variables = {*named}
    if policy is not EnvPolicy.NONE:
        variables |= {*_VARIABLES, *(n for n in effective_env if n.startswith("TORCH_"))}
    return Environment(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        dists=() if policy is EnvPolicy.NONE else tuple(sorted(_dists(policy, imports))),
        cuda=None if policy is EnvPolicy.NONE else _cuda(),
        variables=tuple((name, effective_env.get(name)) for name in sorted(variables)),
        policy=policy,
    )


@dataclass(frozen=True, slots=True)
class EnvironmentReader:
    """Reads the section ``env`` where it is called; picklable, for workers.

    Attributes:
        imports: Top-level names that the project's files import.
        named: Further variables that enter the key.
        policy: How exactly the software has to be the same.
    """

    imports: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    policy: EnvPolicy = EnvPolicy.CORE

    def __call__(self, effective_env: Mapping[str, str]) -> str:
        """Return the canonical text of the section for this process."""
        return canonical(self.read(effective_env).document())

    def read(self, effective_env: Mapping[str, str]) -> Environment:
        """Read the environment; see ``read_environment``."""
        return read_environment(self.imports, effective_env, self.named, self.policy)


def _dists(policy: EnvPolicy, imports: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and version of the distributions that count."""
    if policy is EnvPolicy.FULL:
        for dist in distributions():
            if dist.metadata["Name"]:
                yield _normal(dist.metadata["Name"]), _content_version(dist)
        return
    major = policy is EnvPolicy.MAJOR
    names = _NUMERIC if major else {*_NUMERIC, *imported_distributions(imports)}
    for name in names:
        found = _installed(name)
        if found is not None:
            yield name, found.version.split(".")[0] if major else _content_version(found)


def imported_distributions(imports: Iterable[str]) -> tuple[str, ...]:
    """Find the distributions that provide these top-level modules.

    ``importlib.metadata.packages_distributions`` answers the same, but parses every file list of
    the whole environment, which takes a second where a thousand packages are installed.

    Returns:
        Normalised names, ascending; a module of several distributions gives them all.
    """
    wanted = frozenset(imports)
    if not wanted:
        return ()
    names = (dist.metadata["Name"] for dist in distributions() if _provides(dist, wanted))
    return tuple(sorted({_normal(name) for name in names if name}))


def _provides(dist: Distribution, wanted: frozenset[str]) -> bool:
    declared = dist.read_text("top_level.txt")
    if declared is not None:
        return not wanted.isdisjoint(declared.split())
    record = "\n" + (dist.read_text("RECORD") or "")
    return any(f"\n{name}/" in record or f"\n{name}." in record for name in wanted)


def _normal(name: str) -> str:
    """Spell a distribution's name as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _content_version(dist: Distribution) -> str:
    """Return the version, with a digest of what was installed from a folder or a repository.

    Such an installation (PEP 610) can change while its version stays. An editable one needs no
    digest: its files are followed like the project's.
    """
    try:
        direct = json.loads(dist.read_text("direct_url.json") or "null")
        if direct is None or direct.get("dir_info", {}).get("editable"):
            return dist.version
    except (ValueError, AttributeError):  # not as PEP 610 has it
        pass
    rows = sorted(
        f"{file},{file.hash.value}"
        for file in dist.files or ()
        if file.hash is not None and not file.parts[0].endswith((".dist-info", ".."))
    )
    return f"{dist.version}+{hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}"


def _cuda() -> str | None:
    """Return the CUDA runtime's major.minor that the installed torch names or depends on."""
    torch = _installed("torch")
    if torch is None:
        return None
    if tag := re.search(r"\+cu(\d+)(\d)$", torch.version):
        return f"{tag[1]}.{tag[2]}"
    if "+" in torch.version:  # +cpu, +rocm
        return None
    runtimes = (_installed(name) for name in _CUDA_RUNTIMES)
    found = next((dist for dist in runtimes if dist is not None), None)
    return None if found is None else ".".join(found.version.split(".")[:2])
