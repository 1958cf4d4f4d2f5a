"""Where an export is written: under another name until it is whole, and never over what was there, unless told to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deadreckon.core.durable import fsync_directory, fsync_file
from deadreckon.core.errors import UsageError


@contextmanager
def place(path: Path, *, force: bool, folder: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its name when the block ends well, and is removed when it does not.

    Raises:
        UsageError: something is there already, or the folder cannot be written.
    """
    if path.exists() or path.is_symlink():
        if not force:
            raise UsageError(f"{path} exists already", hint="name another file, or say --force to replace it")
        if path.is_dir() != folder:
            what = "folder" if path.is_dir() else "file"
            raise UsageError(f"{path} is a {what} and would become something else", hint="name another place")
    parent = path.resolve().parent
    temporary = parent / f".{path.name}.{os.getpid()}.tmp"
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
        if folder and path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
        fsync_directory(parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write {path}: {error.strerror or error}", hint="check that the folder can be written and has room"
    )
