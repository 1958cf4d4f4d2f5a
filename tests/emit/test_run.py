"""Runs, and what pins them."""

from __future__ import annotations

import asyncio
import platform
import subprocess
from datetime import date
from pathlib import Path

import pytest
from tests.emit.conftest import SpoolFolder

from deadreckon import emit
from deadreckon.emit._pins import git_commit


def test_a_run_is_two_events_and_everything_between_carries_its_id(spool: SpoolFolder) -> None:
    """run.start says with what, run.end says how it went."""
    versions = {"dataset": "v3", "features": "v2"}
    with emit.run("train", params={"lr": 0.1}, versions=versions, seeds={"numpy": 7}, model="m") as run:
        run.metric("loss", 0.5, step=1)
        run.artifact("weights", "/tmp/w.pt")
        emit.get_logger().info("epoch")
        run.set(best_loss=0.5)
    start, metric, artifact, log, end = spool.events()
    assert {event["run_id"] for event in spool.events()} == {run.id}
    assert (start["event"], start["kind"], start["status"], start["name"]) == ("run.start", "run", "running", "train")
    assert (start["params"], start["versions"], start["model"]) == ({"lr": 0.1}, versions, "m")
    assert start["pins"]["seeds"] == {"numpy": 7}
    assert (metric["kind"], artifact["kind"], log["kind"]) == ("metric", "artifact", "log")
    assert (end["event"], end["kind"], end["status"], end["best_loss"]) == ("run.end", "run", "ok", 0.5)
    assert end["duration_ms"] >= 0
    assert emit.context() == {}


def test_a_run_that_fails_says_why(spool: SpoolFolder) -> None:
    """The exception passes through."""
    with pytest.raises(MemoryError), emit.run("train"):
        raise MemoryError("out")
    end = spool.events("run.end")[0]
    assert (end["status"], end["level"], end["error_type"], end["error_message"]) == (
        "error",
        "error",
        "MemoryError",
        "out",
    )


def test_a_run_inside_a_run_has_it_as_parent(spool: SpoolFolder) -> None:
    """A search and its trials; the parent's id is on every event of the trial."""
    with emit.run("search") as search, emit.run("trial") as trial:
        emit.event("x")
    for name in ("x", "run.end"):
        event = spool.events(name)[0]
        assert (event["run_id"], event["parent_run_id"]) == (trial.id, search.id)
    assert "parent_run_id" not in spool.events("run.end")[1]


def test_a_run_may_bring_its_id_and_parent(spool: SpoolFolder) -> None:
    """To resume, or to join a run of another process."""
    with emit.run("train", run_id="r-7", parent_run_id="sweep-1"):
        pass
    assert {(event["run_id"], event["parent_run_id"]) for event in spool.events()} == {("r-7", "sweep-1")}


def test_asynchronous_runs_keep_apart(spool: SpoolFolder) -> None:
    """Two agents at once are two runs."""

    async def agent(name: str) -> None:
        async with emit.run(name):
            await asyncio.sleep(0)
            emit.event("work", who=name)

    async def both() -> None:
        await asyncio.gather(agent("a"), agent("b"))

    asyncio.run(both())
    names = {event["run_id"]: event["name"] for event in spool.events("run.start")}
    assert len(names) == 2
    assert all(names[event["run_id"]] == event["who"] for event in spool.events("work"))


def test_folds_of_a_walk_forward_validation_are_facts(spool: SpoolFolder) -> None:
    """Dates are ISO text, and the gap is computed where it can be."""
    with emit.run("validate") as run:
        run.fold(
            1,
            train_start=date(2026, 1, 1),
            train_end=date(2026, 3, 31),
            test_start=date(2026, 4, 7),
            test_end=date(2026, 4, 30),
        )
        run.fold(
            "b", train_start="2026-01", train_end="2026-03", test_start="2026-04", test_end="2026-05", gap_days=0.5
        )
        emit.metric("auc", 0.8, fold=1)
    first, second = spool.events("run.fold")
    assert (first["kind"], first["fold"], first["gap_days"]) == ("run", "1", 7.0)
    assert (first["train_end"], first["test_start"]) == ("2026-03-31", "2026-04-07")
    assert (second["fold"], second["gap_days"], second["run_id"]) == ("b", 0.5, run.id)
    assert spool.events("metric")[0]["fold"] == "1"


def test_pins_name_the_python_the_libraries_and_the_hardware(spool: SpoolFolder) -> None:
    """Only libraries that this process uses, in the versions it uses."""
    import numpy as np

    with emit.run("train", environment_pins={"container": "sha256:1"}):
        pass
    pins = spool.events("run.start")[0]["pins"]
    assert pins["python"] == platform.python_version()
    assert pins["libraries"]["numpy"] == np.__version__
    assert pins["hardware"]["machine"] == platform.machine()
    assert pins["container"] == "sha256:1"


def git(folder: Path, *command: str) -> str:
    """Run git, and return what it says."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_commit_is_the_one_that_is_checked_out(tmp_path: Path) -> None:
    """On a branch, packed, detached, from a folder below, and in a worktree."""
    repository = tmp_path / "repository"
    (repository / "below").mkdir(parents=True)
    git(repository, "init", "-q")
    git(repository, "commit", "-q", "--allow-empty", "-m", "one")
    first = git(repository, "rev-parse", "HEAD")
    assert git_commit(str(repository / "below")) == first
    git(repository, "pack-refs", "--all")
    assert git_commit(str(repository)) == first
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "worktree"), first)
    assert git_commit(str(tmp_path / "worktree")) == first
    git(repository, "checkout", "-q", "--detach")
    assert git_commit(str(repository)) == git(repository, "rev-parse", "HEAD") != first


def test_a_repository_without_a_commit_and_no_repository_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the build system names the commit."""
    for name in ("DEADRECKON_GIT_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_VCS_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    assert git_commit(str(empty)) is None
    assert git_commit(str(tmp_path)) is None
    monkeypatch.setenv("GITHUB_SHA", "c0ffee")
    assert git_commit(str(tmp_path)) == "c0ffee"
    assert git_commit(str(tmp_path / "missing")) == "c0ffee"


def test_a_damaged_repository_does_not_end_a_run(
    spool: SpoolFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training run is worth more than its label."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    monkeypatch.chdir(tmp_path)
    with emit.run("train"):
        pass
    assert len(spool.events()) == 2
