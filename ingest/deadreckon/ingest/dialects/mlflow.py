"""MLflow's spans by OTLP: the value of every attribute is JSON in a text, so that a model's name comes in quotes."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.genai_names import NAMED
from deadreckon.ingest.dialects.inner import decoded
from deadreckon.ingest.dialects.names import Names

_USAGE: Final = "mlflow.chat.tokenUsage"
_SCOPE: Final = "mlflow."
_TYPE: Final = "mlflow.spanType"
_FUNCTION: Final = "mlflow.spanFunctionName"
_ANSWERED: Final = "mlflow.llm.model"
_TOKENS: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}
_CONTENT: Final = frozenset({"input", "output"})


def decode(rest: dict[str, Any], names: Names, scope: str) -> None:
    """Take what columns are read from out of its JSON; everything else stays as it was sent.

    `scope`: whose spans these are; where MLflow gives them OpenTelemetry's names, nothing else tells.
    """
    if _TYPE in rest or scope.startswith(_SCOPE):
        for key in rest.keys() & names.flat.keys():
            if names.flat[key][0] not in _CONTENT:
                rest[key] = decoded(rest[key])


def lift(draft: Draft) -> None:
    """Columns from MLflow's own attributes; `mlflow.llm.model` is what answered where `model` was asked for."""
    rest = draft.rest
    usage = decoded(rest.get(_USAGE))
    if type(usage) is dict:
        for column, key in _TOKENS.items():
            draft.fill(column, usage.get(key))
    answered = decoded(rest.get(_ANSWERED))
    if type(answered) is str and not draft.fill("model", answered) and draft.columns.get("model") != answered:
        draft.fill("model_version", answered)
    named = NAMED.get(str(draft.columns.get("operation")))
    if named and _TYPE in rest:
        draft.fill(named, decoded(rest.get(_FUNCTION)))
