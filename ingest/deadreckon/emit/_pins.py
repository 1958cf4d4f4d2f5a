"""What pins a run: the commit, the versions of libraries, the hardware and its driver.

All of it is read, never guessed; no subprocess is started and no library imported for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# fmt: off
_LIBRARIES = (
    "numpy", "pandas", "polars", "pyarrow", "scipy", "scikit-learn", "xgboost", "lightgbm", "catboost", "statsmodels",
    "torch", "torchvision", "tensorflow", "keras", "jax", "jaxlib", "flax", "transformers", "datasets", "tokenizers",
    "accelerate", "peft", "trl", "vllm", "onnxruntime", "openai", "anthropic", "langchain", "langgraph", "llama-index",
    "pydantic-ai", "river", "optuna", "lightning",
)
# fmt: on
_MODULES = {"scikit-learn": "sklearn", "llama-index": "llama_index", "pydantic-ai": "pydantic_ai"}
_COMMIT_VARIABLES = ("DEADRECKON_GIT_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_VCS_NUMBER")


def git_commit(start: str | None = None) -> str | None:
    """Return the commit that is checked out around `start` (the working directory), else the one CI names."""
    try:
        here = Path(start or ".").resolve()
        for folder in (here, *here.parents):
            if (folder / ".git").exists():
                return _head(folder / ".git")
    except (OSError, ValueError):
        pass  # gone, closed to us or damaged: CI's variables are the other source
    return next((os.environ[name] for name in _COMMIT_VARIABLES if os.environ.get(name)), None)


def _head(git: Path) -> str | None:
    if git.is_file():  # a worktree or submodule: the file says where its repository is
        git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    ref = head.removeprefix("ref:").strip()
    common = git / (git / "commondir").read_text().strip() if (git / "commondir").exists() else git
    for home in (git, common):
        if (home / ref).exists():
            return (home / ref).read_text().strip()
    packed = common / "packed-refs"
    for line in packed.read_text().splitlines() if packed.exists() else ():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return None


def pins(seeds: Any, more: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the pins as JSON: `seeds`, `python`, `libraries`, `hardware`, `driver`, and `more`.

    Libraries are those of machine learning that this process has imported.
    """
    found = {
        "seeds": seeds,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "libraries": _libraries() or None,
        "hardware": _hardware(),
        "driver": _driver(),
        **(more if isinstance(more, Mapping) else {"more": more}),
    }
    return {key: value for key, value in found.items() if value is not None}


def _libraries() -> dict[str, str]:
    from importlib import metadata  # slow to import, and only runs need it

    versions = {}
    for library in _LIBRARIES:
        if _MODULES.get(library, library) in sys.modules:
            try:
                versions[library] = metadata.version(library)
            except metadata.PackageNotFoundError:
                continue  # a module of that name that nobody installed
    return versions


def _hardware() -> dict[str, Any]:
    uname = os.uname()
    hardware: dict[str, Any] = {"machine": uname.machine, "system": f"{uname.sysname} {uname.release}"}
    hardware["cpus"] = os.cpu_count()
    try:
        hardware["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        pass  # not told by this system
    torch = sys.modules.get("torch")
    try:
        if torch is not None and torch.cuda.is_available():
            hardware["gpus"] = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    except Exception:  # noqa: BLE001  # a broken driver must not end a training run before it starts
        hardware["gpus"] = None
    return hardware


def _driver() -> str | None:
    try:
        return Path("/proc/driver/nvidia/version").read_text().splitlines()[0].removeprefix("NVRM version:").strip()
    except (OSError, IndexError):
        return None
