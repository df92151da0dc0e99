"""The software environment in the key."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from sweeper.store.environment import imported_distributions, read_environment


def record_row(name: str, text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return f"{name},sha256={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()},{len(text)}"


def install(
    site: Path, name: str, release: str, *, modules: tuple[str, ...] = (), **files: str
) -> None:
    """Lay out an installed distribution: metadata, files, record; ``direct`` is direct_url.json."""
    info = site / f"{name.replace('-', '_')}-{release}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
    rows = [f"{info.name}/METADATA,,", f"{info.name}/RECORD,,"]
    direct = files.pop("direct", None)
    if direct is not None:
        (info / "direct_url.json").write_text(direct)
        rows.append(record_row(f"{info.name}/direct_url.json", direct))
    for module in modules:
        text = files.get(module, "")
        (site / module).mkdir(exist_ok=True)
        (site / module / "__init__.py").write_text(text)
        rows.append(record_row(f"{module}/__init__.py", text))
    (info / "RECORD").write_text("\n".join(rows) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def dists(*imports: str) -> dict[str, str]:
    return dict(read_environment(imports, {}).dists)


def test_python_minor() -> None:
    """The interpreter counts by its minor version."""
    expected = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert read_environment((), {}).document()["python"] == expected


def test_numeric_libraries_always_count() -> None:
    """NumPy counts although no project file imports it."""
    assert dists()["numpy"] == version("numpy")
    assert "pytest" not in dists()


def test_imported_libraries_count() -> None:
    """What the project imports counts, by the name of its distribution."""
    assert dists("yaml")["pyyaml"] == version("pyyaml")
    assert imported_distributions(["sklearn", "yaml"]) == ("pyyaml", "scikit-learn")


def test_unknown_imports_bring_nothing() -> None:
    """A module that no distribution provides is passed over."""
    assert imported_distributions(["surely_not_installed"]) == ()


def test_namespace_of_two_distributions(site: Path) -> None:
    """A package that two distributions share brings both."""
    install(site, "Name.Space_one", "1.0", modules=("sharedspace",))
    install(site, "namespace-two", "2.0", modules=("sharedspace",))
    assert imported_distributions(["sharedspace"]) == ("name-space-one", "namespace-two")


def test_version_is_seen(site: Path) -> None:
    """Another version of an imported distribution is another environment."""
    install(site, "closure-dist", "1.0", modules=("closure_dist",))
    before = dists("closure_dist")
    (site / "closure_dist-1.0.dist-info").rename(site / "old")
    install(site, "closure-dist", "1.1", modules=("closure_dist",))
    after = dists("closure_dist")
    assert (before["closure-dist"], after["closure-dist"]) == ("1.0", "1.1")


def test_local_installation_counts_by_content(site: Path) -> None:
    """A package installed from a folder is told apart although its version stayed."""
    direct = json.dumps({"url": "file:///somewhere", "dir_info": {}})
    install(site, "local-dist", "1.0", modules=("local_dist",), local_dist="x = 1", direct=direct)
    before = dists("local_dist")["local-dist"]
    install(site, "local-dist", "1.0", modules=("local_dist",), local_dist="x = 2", direct=direct)
    after = dists("local_dist")["local-dist"]
    assert before.startswith("1.0+")
    assert before != after


def test_place_of_a_local_installation_does_not_count(site: Path) -> None:
    """The folder that a package was installed from is not in the key."""
    found = set()
    for place in ("file:///home/alice", "file:///home/bob"):
        direct = json.dumps({"url": place, "dir_info": {}})
        install(site, "local-dist", "1.0", modules=("local_dist",), direct=direct)
        found.add(dists("local_dist")["local-dist"])
    assert len(found) == 1


@pytest.mark.parametrize(
    ("direct", "plain"),
    [(json.dumps({"dir_info": {"editable": True}}), True), ("{", False), ("[1]", False)],
    ids=["editable", "broken", "odd"],
)
def test_other_direct_installations(site: Path, direct: str, plain: bool) -> None:
    """An editable one counts by version, its files being followed; a broken note by content."""
    install(site, "local-dist", "1.0", modules=("local_dist",), direct=direct)
    assert (dists("local_dist")["local-dist"] == "1.0") is plain


@pytest.mark.parametrize(
    ("torch", "runtime", "cuda"),
    [
        (None, "12.8.90", None),
        ("2.9.0+cu128", None, "12.8"),
        ("1.13.1+cu117", "12.8.90", "11.7"),
        ("2.9.0+cpu", "12.8.90", None),
        ("2.9.0+rocm6.4", None, None),
        ("2.9.0", "12.8.90", "12.8"),
        ("2.9.0", None, None),
    ],
)
def test_cuda(
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    torch: str | None,
    runtime: str | None,
    cuda: str | None,
) -> None:
    """The CUDA version is what torch was built for, read from metadata without importing it."""
    standard = [folder for folder in sys.path if "site-packages" not in folder]
    monkeypatch.setattr(sys, "path", [str(site), *standard])
    loaded = "torch" in sys.modules
    if torch is not None:
        install(site, "torch", torch)
    if runtime is not None:
        install(site, "nvidia-cuda-runtime-cu12", runtime)
    assert read_environment((), {}).cuda == cuda
    assert ("torch" in sys.modules) is loaded


def test_variables() -> None:
    """Listed variables count, set or not, and all of torch's; no other value is looked at."""
    given = {"OMP_NUM_THREADS": "4", "TORCH_LOGS": "x", "HOME": "/home/alice", "AWS_KEY": "hush"}
    assert read_environment((), given).variables == (
        ("CUBLAS_WORKSPACE_CONFIG", None),
        ("JAX_ENABLE_X64", None),
        ("MKL_NUM_THREADS", None),
        ("NVIDIA_TF32_OVERRIDE", None),
        ("OMP_NUM_THREADS", "4"),
        ("OPENBLAS_NUM_THREADS", None),
        ("PYTHONHASHSEED", None),
        ("TF_ENABLE_ONEDNN_OPTS", None),
        ("TORCH_LOGS", "x"),
        ("XLA_FLAGS", None),
    )


def test_empty_is_not_unset() -> None:
    """A variable set to nothing differs from one that is not set."""
    assert read_environment((), {"XLA_FLAGS": ""}) != read_environment((), {})
