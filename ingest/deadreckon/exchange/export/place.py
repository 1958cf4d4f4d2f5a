"""Where an export is written: under another name until it is whole, and never over what was there, unless told to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deadreckon.core.durable import fsync_directory, fsync_file
from deadreckon.core.errors import UsageError

FILE: Final = "events.parquet"
"""What each day's folder holds, in an export that is a folder."""


@contextmanager
def place(path: Path, *, force: bool, folder: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its name when the block ends well, and is removed when it does not.

    Raises:
        UsageError: something is there already, or the folder cannot be written.
    """
    if path.exists() or path.is_symlink():
        _check(path, force=force, folder=folder)
    target = path.absolute()  # a link is replaced, not followed: what it leads to may be on another disk
    parent = target.parent
    temporary, old = (parent / f".{target.name}.{os.getpid()}.{ending}" for ending in ("tmp", "old"))
    try:
        parent.mkdir(parents=True, exist_ok=True)
        if folder:
            temporary.mkdir()
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield temporary
        files = [p for p in temporary.rglob("*") if p.is_file()] if folder else [temporary]
        for file in files:
            fsync_file(file)
        if folder and target.exists():
            target.replace(old)
        temporary.replace(target)
        fsync_directory(parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        if old.is_dir() and not target.exists():
            old.replace(target)
        shutil.rmtree(old, ignore_errors=True)


def _check(path: Path, *, force: bool, folder: bool) -> None:
    """What is there may be replaced."""
    if not force:
        raise UsageError(f"{path} exists already", hint="name another file, or say --force to replace it")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UsageError(f"{path} is neither a file nor a folder", hint="name a file")
    if path.is_dir() != folder:
        what = "folder" if path.is_dir() else "file"
        raise UsageError(f"{path} is a {what} and would become something else", hint="name another place")
    strange = next((p for p in sorted(path.rglob("*")) if not _is_ours(p, path)), None) if folder else None
    if strange is not None:
        raise UsageError(
            f"{path} holds more than an export of earlier: {strange.relative_to(path)}", hint="name another folder"
        )


def _is_ours(path: Path, root: Path) -> bool:
    """Whether an export of a folder by day has such a thing."""
    parts = path.relative_to(root).parts
    return parts[0].startswith("date=") and parts[1:] == ((FILE,) if path.is_file() else ())


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write {path}: {error.strerror or error}", hint="check that the folder can be written and has room"
    )
