"""Where lines come from: spool folders, log files plain and compressed, standard input; found, identified and read."""

from deadreckon.ingest.sources.chunks import Chunk, Known, Oversize, Source, StoppedError
from deadreckon.ingest.sources.cutting import TAIL_BYTES
from deadreckon.ingest.sources.discover import STDIN, Watcher, discover

__all__ = ["STDIN", "TAIL_BYTES", "Chunk", "Known", "Oversize", "Source", "StoppedError", "Watcher", "discover"]
