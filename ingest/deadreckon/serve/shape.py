"""What a request in the form of OTLP/JSON must look like, as far as its records can be found."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.serve.messages import Json

SHAPES: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


class MalformedError(Exception):
    """The request is not what OTLP says; the message says where."""


def objects(value: Any, where: str) -> list[Json]:
    """A list of objects; absent or null is none.

    Raises:
        MalformedError: it is something else.
    """
    if value is None:
        return []
    if type(value) is not list or any(type(one) is not dict for one in value):
        raise MalformedError(f"{where} is no list of objects")
    return value


def mapping(value: Any, where: str) -> Json:
    """An object; absent or null is an empty one.

    Raises:
        MalformedError: it is something else.
    """
    if value is None:
        return {}
    if type(value) is not dict:
        raise MalformedError(f"{where} is no object")
    return value


def taken_out(outer: Json, key: str, where: str) -> list[Json]:
    """The list of objects under a key, which is taken out.

    Raises:
        MalformedError: it is something else, or there is none and what there is would be lost without it.
    """
    found = objects(outer.pop(key, None), f"{where}.{key}")
    if not found:
        for other, value in outer.items():
            if type(value) is list and value:
                raise MalformedError(f"{where} has no {key}, and its {other} are not read")
    return found


def points(metric: Json, where: str) -> tuple[str, list[Json]]:
    """The shape of a metric and its data points; an empty shape where it says nothing.

    Raises:
        MalformedError: it has two shapes, or one that is not known.
    """
    shapes = [shape for shape in SHAPES if metric.get(shape) is not None]
    if len(shapes) > 1:
        raise MalformedError(f"{where} is both {shapes[0]} and {shapes[1]}")
    if not shapes:
        for key, value in metric.items():
            if type(value) is dict and value.get("dataPoints"):
                raise MalformedError(f"{where} is a {key}; read are {', '.join(SHAPES)}")
        return "", []
    place = f"{where}.{shapes[0]}"
    return shapes[0], objects(mapping(metric[shapes[0]], place).get("dataPoints"), f"{place}.dataPoints")
