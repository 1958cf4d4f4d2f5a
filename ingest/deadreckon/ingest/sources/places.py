"""From what the user names to files: folders, globs, single files, pipes."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deadreckon.core.errors import SourceError
from deadreckon.ingest.sources import names

Inode = tuple[int, int]
Signature = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A file or pipe that was found. `path` has its links resolved, so that a file is itself under every name."""

    path: Path
    status: os.stat_result
    named: bool

    @property
    def is_pipe(self) -> bool:
        """Whether it can only be read forward, once."""
        return not stat.S_ISREG(self.status.st_mode)

    @property
    def inode(self) -> Inode:
        """The file itself, whatever its name."""
        return self.status.st_dev, self.status.st_ino

    @property
    def signature(self) -> Signature:
        """Unchanged as long as the file is."""
        s = self.status
        return str(self.path), s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns


def places(
    named: str, warn: Callable[[str], None], *, wait: bool, skip: Callable[[Path], None] = lambda _: None
) -> Iterator[Place]:
    """The files that a path, folder or glob stands for.

    `wait`: what is not there yet is no error. `skip` is told of the files in folders that have no names of logs.

    Raises:
        SourceError: nothing is there, or a named file may not be read.
    """
    path = Path(named).expanduser()
    if not path.exists() and glob.has_magic(named):
        found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - the pattern may be absolute
        if not found and not wait:
            raise SourceError(f"no file matches {named!r}", hint="check the pattern, and quote it against the shell")
        for each in found:
            yield from _at(Path(each), warn, skip, wait=True)
        return
    yield from _at(path, warn, skip, wait=wait)


def _at(path: Path, warn: Callable[[str], None], skip: Callable[[Path], None], *, wait: bool) -> Iterator[Place]:
    try:
        status = path.stat()
    except OSError as error:
        if wait and isinstance(error, FileNotFoundError):
            return
        raise SourceError(
            f"cannot read {path}: {error.strerror or error}",
            hint="check the name; with --follow a file may appear later"
            if isinstance(error, FileNotFoundError)
            else "check its permissions",
        ) from error
    if stat.S_ISDIR(status.st_mode):
        yield from _walk(path, warn, skip)
        return
    if stat.S_ISREG(status.st_mode) and not os.access(path, os.R_OK):
        raise SourceError(f"cannot read {path}: permission denied", hint="check its permissions")
    real = Path(os.path.realpath(path)) if stat.S_ISREG(status.st_mode) else path
    yield Place(real, status, named=True)


def _walk(folder: Path, warn: Callable[[str], None], skip: Callable[[Path], None]) -> Iterator[Place]:
    def trouble(error: OSError) -> None:
        warn(f"{error.filename or folder}: {error.strerror or error}; skipped")

    for parent, folders, files in os.walk(os.path.realpath(folder), onerror=trouble):
        # A lake inside the folder is what we write, not what we read.
        folders[:] = [] if "_delta_log" in folders else sorted(f for f in folders if not f.startswith((".", "_")))
        for name in sorted(files):
            if names.is_log(name):
                yield from _regular(Path(parent, name), warn)
            elif not name.startswith("."):
                skip(Path(parent, name))


def _regular(path: Path, warn: Callable[[str], None]) -> Iterator[Place]:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            path = path.resolve(strict=True)
            status = path.stat()
        if stat.S_ISREG(status.st_mode):
            yield Place(path, status, named=False)
    except FileNotFoundError:
        pass  # rotated away since the folder was listed; it is found under its new name at the next look
    except (OSError, RuntimeError) as error:  # a link that goes in circles is a RuntimeError to some versions
        warn(f"{path}: {getattr(error, 'strerror', None) or error}; skipped")


def siblings(asked: Iterable[Path]) -> dict[Path, list[Place]]:
    """What rotation made of logs: for the family of each, the other files of that family in its folder.

    Each folder is listed once, however many of its files are asked for.
    """
    families: dict[Path, dict[str, list[Place]]] = {}
    names_asked: dict[Path, set[str]] = {}
    for path in asked:
        families.setdefault(path.parent, {})[names.family(path.name)] = []
        names_asked.setdefault(path.parent, set()).add(path.name)
    for folder, found in families.items():
        try:
            entries = sorted(entry.name for entry in folder.iterdir())
        except OSError:
            continue  # gone, or not to be listed: then there is nothing to follow
        for name in entries:
            if name in names_asked[folder] or name.startswith("."):
                continue
            family = names.family(name)
            if family in found:
                found[family] += _regular(folder / name, lambda _message: None)
    return {folder / family: there for folder, found in families.items() for family, there in found.items()}
