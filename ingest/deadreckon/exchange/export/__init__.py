"""Events of the lake as files: JSON lines, Parquet, OTLP; in the order of time, streamed, there when they are whole."""

from deadreckon.exchange.export.selection import Selection
from deadreckon.exchange.export.writers import Exported, jsonl, otlp, parquet

__all__ = ["Exported", "Selection", "jsonl", "otlp", "parquet"]
