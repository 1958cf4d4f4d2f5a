"""Protobuf in the form of OTLP/JSON: nothing of a message is lost."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from deadreckon.serve.signals import SIGNALS, Signal

DOUBLES = st.sampled_from([0.0, 1.5, -2.25, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")])
OF_PROFILES = {"string_value_strindex", "key_strindex"}
"""Fields that exist for another signal alone."""


def scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return st.binary(max_size=17) if field.type == FieldDescriptor.TYPE_BYTES else st.text(max_size=5)
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return DOUBLES
        case FieldDescriptor.CPPTYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.CPPTYPE_ENUM:
            return st.sampled_from([value.number for value in field.enum_type.values])
        case FieldDescriptor.CPPTYPE_INT64:
            return st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])
        case FieldDescriptor.CPPTYPE_UINT64:
            return st.sampled_from([0, 1, 2**53 + 1, 2**64 - 1])
        case FieldDescriptor.CPPTYPE_INT32:
            return st.sampled_from([-(2**31), 0, 1, 2**31 - 1])
        case _:
            return st.sampled_from([0, 1, 2**32 - 1])


@st.composite
def filled(draw: st.DrawFn, kind: type[Message], depth: int = 0) -> Message:
    """A message with any of its fields set."""
    message = kind()
    fill(draw, message, depth)
    return message


def fill(draw: st.DrawFn, message: Message, depth: int) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    fields = [f for f in descriptor.fields if f.containing_oneof is None or f.containing_oneof.name.startswith("_")]
    for oneof in descriptor.oneofs:
        choices = [f for f in oneof.fields if f not in fields and f.name not in OF_PROFILES]
        if choices and (descriptor.name == "Metric" or draw(st.booleans())):
            fields.append(draw(st.sampled_from(choices)))
    for field in fields:
        if field.name in OF_PROFILES:
            continue
        if field.message_type is not None:
            if depth > 9:
                if descriptor.name == "KeyValue":
                    message.value.SetInParent()  # type: ignore[attr-defined]
                continue
            if field.is_repeated:
                for _ in range(draw(st.integers(0, 2))):
                    fill(draw, getattr(message, field.name).add(), depth + 1)
            elif draw(st.booleans()) or descriptor.name == "KeyValue" or field.containing_oneof:
                inner = getattr(message, field.name)
                inner.SetInParent()
                fill(draw, inner, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(scalars(field), max_size=3)))
        elif field.containing_oneof or draw(st.booleans()):
            setattr(message, field.name, draw(scalars(field)))


def in_base64(value: Any) -> Any:
    """Ids as protobuf's own JSON has them."""
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(one)).decode() if key in IDS else in_base64(one)
            for key, one in value.items()
        }
    return [in_base64(one) for one in value] if isinstance(value, list) else value


IDS = {"traceId", "spanId", "parentSpanId"}


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_what_is_written_is_the_whole_message(signal: Signal) -> None:
    """Read back by protobuf's own parser of JSON it is the same message, bit for bit."""

    @settings(max_examples=60, deadline=None)
    @given(filled(signal.request()))
    def same(message: Message) -> None:
        line = json.loads(orjson.dumps({signal.resources: signal.read(message)}))
        again = json_format.ParseDict(in_base64(line), signal.request()())
        assert again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)

    same()
