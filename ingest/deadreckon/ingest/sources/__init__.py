"""Where lines come from: spool folders, log files plain and compressed, standard input; found, identified and read."""

from deadreckon.ingest.sources.chunks import Chunk, Known, Oversize, Source, StoppedError
from deadreckon.ingest.sources.discover import STDIN, Watcher, check, discover

__all__ = ["STDIN", "Chunk", "Known", "Oversize", "Source", "StoppedError", "Watcher", "check", "discover"]
