"""The logger: structlog's interface, written straight to the spool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deadreckon.emit._context import Source
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import text_of
from deadreckon.emit._record import Label, processed
from deadreckon.emit._settings import LEVELS, Processor, level_name

_LABELS = {level: Label("log", level) for level in LEVELS}
_DEBUG, _INFO, _WARNING, _ERROR, _CRITICAL = _LABELS.values()


class Logger:
    """Writes log events with fields; bound fields come along with each.

    It has the methods of structlog's filtering bound logger, so code written for structlog runs on it, and it can be
    structlog's `wrapper_class`. Loggers are immutable: `bind` returns another.
    """

    __slots__ = ("_context", "_logger", "_processors", "_source")

    def __init__(
        self,
        logger: Any = None,
        processors: Iterable[Processor] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a logger; `get_logger` is the usual way.

        Args:
            logger: what structlog would wrap; kept, not used.
            processors: structlog processors, run on the event's fields; a renderer among them ends the chain.
            context: bound fields.
        """
        self._logger = logger
        self._processors = tuple(processors or ())
        self._context = dict(context or {})
        self._source = Source(EMITTER.bindable(self._context))

    def __repr__(self) -> str:
        return f"<deadreckon.emit.Logger {self._context!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Logger) and self._context == other._context

    __hash__ = object.__hash__

    def bind(self, /, **fields: Any) -> Logger:
        """Return a logger with these fields added."""
        return type(self)(self._logger, self._processors, {**self._context, **fields})

    def unbind(self, *keys: str) -> Logger:
        """Return a logger without these fields.

        Raises:
            KeyError: one of them is not bound.
        """
        missing = [key for key in keys if key not in self._context]
        if missing:
            raise KeyError(f"not bound: {', '.join(missing)}; bound are: {', '.join(self._context) or 'none'}")
        return self.try_unbind(*keys)

    def try_unbind(self, *keys: str) -> Logger:
        """Return a logger without these fields, bound or not."""
        rest = {key: value for key, value in self._context.items() if key not in keys}
        return type(self)(self._logger, self._processors, rest)

    def new(self, /, **fields: Any) -> Logger:
        """Return a logger with only these fields."""
        return type(self)(self._logger, self._processors, fields)

    def debug(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level debug."""
        if EMITTER.threshold <= 10:
            self._log(_DEBUG, event, args, fields)

    def info(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level info."""
        if EMITTER.threshold <= 20:
            if args or self._processors:
                self._log(_INFO, event, args, fields)
            else:
                EMITTER.send(_INFO, event, fields, self._source)

    def warning(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level warning."""
        if EMITTER.threshold <= 30:
            self._log(_WARNING, event, args, fields)

    def error(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level error."""
        if EMITTER.threshold <= 40:
            self._log(_ERROR, event, args, fields)

    def exception(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level error with the exception being handled."""
        if EMITTER.threshold <= 40:
            fields.setdefault("exc_info", True)
            self._log(_ERROR, event, args, fields)

    def critical(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level critical."""
        if EMITTER.threshold <= 50:
            self._log(_CRITICAL, event, args, fields)

    def log(self, level: int | str, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at a level given by name or by logging's number."""
        label = _LABELS[level_name(level)]
        if EMITTER.threshold <= LEVELS[label.level]:
            self._log(label, event, args, fields)

    warn = warning
    fatal = critical
    err = error
    msg = info

    async def adebug(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level debug. No thread is involved: writing costs microseconds."""
        self.debug(event, *args, **fields)

    async def ainfo(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level info."""
        self.info(event, *args, **fields)

    async def awarning(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level warning."""
        self.warning(event, *args, **fields)

    async def aerror(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level error."""
        self.error(event, *args, **fields)

    async def aexception(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level error with the exception being handled."""
        self.exception(event, *args, **fields)

    async def acritical(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at level critical."""
        self.critical(event, *args, **fields)

    async def alog(self, level: int | str, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log at a level given by name or number."""
        self.log(level, event, *args, **fields)

    def is_enabled_for(self, level: int) -> bool:
        """Tell whether an event at this level would be written."""
        return level >= EMITTER.threshold

    isEnabledFor = is_enabled_for  # noqa: N815  # logging's spelling

    def get_effective_level(self) -> int:
        """Return the lowest level that is written, as logging's number."""
        return EMITTER.threshold

    getEffectiveLevel = get_effective_level  # noqa: N815  # logging's spelling

    def _log(self, label: Label, event: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
        if args:
            event = _formatted(event, args)
        if self._processors:
            try:
                record = {**self._context, "event": event, **fields}
                left = processed(self._processors, self._logger, label.level, record)
            except Exception as error:  # noqa: BLE001  # a processor of the user's must not end the user's program
                EMITTER.fail(event, error)
                return
            if left is None:
                return
            event, fields = left.pop("event", event), left
            for stamped in ("level", "timestamp"):  # what structlog's processors add and the line has anyway
                fields.pop(stamped, None)
        EMITTER.send(label, event, fields, self._source)


def _formatted(event: Any, args: tuple[Any, ...]) -> str:
    try:
        return str(event) % (args[0] if len(args) == 1 and isinstance(args[0], dict) else args)
    except Exception:  # noqa: BLE001  # a wrong format string or argument is worth a log line, not an exception
        return f"{text_of(event)} {text_of(args)}"


def get_logger(name: str | None = None, **fields: Any) -> Logger:
    """Return a logger; `name` becomes the field `logger`, and the other fields are bound."""
    return Logger(context=fields if name is None else {"logger": name, **fields})
