"""What JSON cannot hold: NaN and infinities become text, lone surrogates their escape."""

from __future__ import annotations

from typing import Any


def cleaned(value: dict[str, Any]) -> dict[str, Any]:
    """The value itself where nothing is strange, else a clean copy; never recursive."""
    stack: list[Any] = [value]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            if not "".join(node).isascii() and any(_scalar(key) is not key for key in node):
                return _copied(value)
            node = node.values()
        for one in node:
            kind = type(one)
            if kind is str:
                if not one.isascii() and _scalar(one) is not one:
                    return _copied(value)
            elif kind is dict or kind is list:
                stack.append(one)
            elif kind is float and one - one != 0:
                return _copied(value)
    return value


def _copied(value: dict[str, Any]) -> dict[str, Any]:
    top: dict[str, Any] = {}
    stack: list[tuple[Any, Any]] = [(value, top)]
    while stack:
        node, copy = stack.pop()
        for key, one in node.items() if type(node) is dict else enumerate(node):
            new = _scalar(one)
            if type(one) is dict or type(one) is list:
                new = {} if type(one) is dict else []
                stack.append((one, new))
            if type(node) is list:
                copy.append(new)
            else:
                copy[_free(_scalar(key), copy)] = new
    return top


def _scalar(value: Any) -> Any:
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "backslashreplace").decode()
    elif type(value) is float and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN differs from itself
    return value


def _free(key: str, taken: dict[str, Any]) -> str:
    name, clash = key, 2
    while name in taken:
        name = f"{key}~{clash}"
        clash += 1
    return name
