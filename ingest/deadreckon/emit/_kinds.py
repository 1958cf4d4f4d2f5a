"""The facts of machine learning as events: one function per kind, each with the columns that kind must carry.

None of them raises or validates: a wrong value is written as it is, and ingest quarantines it with the reason. An
argument that is None is left out. Every function takes further fields as keywords; bound IDs come along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from deadreckon.emit._content import Capture
from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import json_text, text_of
from deadreckon.emit._record import Label
from deadreckon.emit._settings import level_name

if TYPE_CHECKING:
    from deadreckon.emit._contract import Checks

_F = TypeVar("_F", bound=Callable[..., Any])

_METRIC = Label("metric", "info")
_PREDICTION = Label("prediction", "info")
_SCORE = Label("score", "info")
_FEEDBACK = Label("feedback", "info")
_DECISION = Label("decision", "info")
_ARTIFACT = Label("artifact", "info")
_STAGE = Label("stage", "info")
_KEPT = Label("contract", "info")
_BROKEN = Label("contract", "error")


def event(event: str, /, *, kind: str = "log", level: str = "info", **fields: Any) -> None:
    """Write an event of any kind, as code that makes its own kinds needs it."""
    _write(Label(text_of(kind), level_name(level)), event, fields)


def metric(
    name: str,
    value: float | None,
    *,
    step: int | None = None,
    fold: str | int | None = None,
    unit: str | None = None,
    **fields: Any,
) -> None:
    """Write one measurement.

    Args:
        name: what is measured, such as loss or val.auc.
        value: the number; NaN and infinities are kept, as text.
        step: epoch or batch.
        fold: which fold of a walk-forward validation it belongs to.
        unit: s, ms, bytes, USD, ...
        fields: more columns or fields of your own.
    """
    fold = None if fold is None else text_of(fold)
    _write(_METRIC, "metric", {"name": name, "value": value, "step": step, "fold": fold, "unit": unit, **fields})


def metrics(values: Mapping[str, float], *, step: int | None = None, **fields: Any) -> None:
    """Write several measurements of one step, one event each."""
    for name, value in values.items():
        metric(name, value, step=step, **fields)


def prediction(
    outputs: Mapping[str, Any],
    *,
    features: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    model: str | None = None,
    model_version: str | None = None,
    capture: Capture | None = None,
    **fields: Any,
) -> None:
    """Write what a model predicted from what: the observations that drift is measured on.

    Args:
        outputs: numbers and categories by name.
        features: numbers and categories by name.
        request_id: the request it answered, when not bound.
        model: which model, when not bound.
        model_version: which version of it, when not bound.
        capture: whether to keep the text of `input` and `output`, if not as configured.
        fields: more columns or fields of your own.
    """
    given = {"request_id": request_id, "model": model, "model_version": model_version}
    _write(_PREDICTION, "prediction", {**given, "features": features, "outputs": outputs, **fields}, capture)


def score(
    name: str,
    value: float | None = None,
    *,
    label: str | None = None,
    source: Literal["human", "judge", "code"] = "code",
    reason: str | None = None,
    **fields: Any,
) -> None:
    """Write a judgement of what is bound, or of the request, trace, span or run given by id.

    Args:
        name: the quality judged, such as helpfulness.
        value: as a number; True counts as 1,
        label: or as a word.
        source: who judged: a person, a model, or code.
        reason: why.
        fields: request_id, trace_id, span_id or run_id of what is judged, and fields of your own.
    """
    given = {"name": name, "value": _number(value), "label": label, "source": source, "reason": reason}
    _write(_SCORE, "score", {**given, **fields})


def feedback(name: str, value: float | None = None, *, request_id: str | None = None, **fields: Any) -> None:
    """Write what a user did with an answer.

    Args:
        name: click, thumb, edit, ...
        value: a number, such as 1 or -1 for a thumb; True counts as 1.
        request_id: the request it is about, when not bound.
        fields: more columns or fields of your own.
    """
    _write(_FEEDBACK, "feedback", {"name": name, "value": _number(value), "request_id": request_id, **fields})


def decision(
    name: str, choice: Any, *, options: Iterable[Any] | None = None, reason: str | None = None, **fields: Any
) -> None:
    """Write what an agent decided.

    Args:
        name: the question, such as next_tool.
        choice: the answer.
        options: what there was to choose from.
        reason: why.
        fields: more columns or fields of your own.
    """
    many = isinstance(options, Iterable) and not isinstance(options, str)
    listed = options if options is None or isinstance(options, list) else [*options] if many else [options]
    _write(
        _DECISION,
        "decision",
        {
            "name": name,
            "choice": choice if isinstance(choice, str) else json_text(choice),
            "options": listed,
            "reason": reason,
            **fields,
        },
    )


@overload
def contract(
    name: str,
    passed: bool,
    *,
    label: Literal["pre", "post", "policy", "budget"],
    action: str | None = None,
    **fields: Any,
) -> None: ...
@overload
def contract(
    name: str | None = None,
    *,
    pre: Checks = None,
    post: Checks = None,
    policy: Checks = None,
    enforce: bool = True,
) -> Callable[[_F], _F]: ...
def contract(
    name: Any = None,
    passed: Any = None,
    *,
    label: Any = None,
    action: Any = None,
    pre: Any = None,
    post: Any = None,
    policy: Any = None,
    enforce: bool = True,
    **fields: Any,
) -> Any:
    """Write whether a promise was kept; or, with `pre`, `post` or `policy`, guard a function: `@contract(pre=...)`.

    A check takes arguments of the function by their names, and `result` in `post`. It says that all is well with
    anything true or with None; False, a text (which is the reason), or an exception says that it is not. Then the call
    is not made, or its result not returned, and ContractError is raised. Every check is an event of kind contract.

    Args:
        name: the promise, such as refund_below_limit; for a guard what it guards, the function's name if not given.
        passed: kept or not.
        label: a precondition, postcondition, policy or budget.
        action: what was done about it, such as refused.
        pre: checks of the arguments: a function, several, or a mapping of names to functions.
        post: checks of the result, in the same forms.
        policy: checks of what is allowed, before the call.
        enforce: False only records.
        fields: more columns or fields of your own.

    Raises:
        TypeError: when a guard is made: a check asks for what the function has not.
    """
    if pre is not None or post is not None or policy is not None:
        from deadreckon.emit._contract import guard

        return guard(name, pre, post, policy, enforce=enforce)
    if passed is None and label is None:
        raise TypeError("contract() guards nothing: give it pre, post or policy, or passed and label to write an event")
    return write_contract(name, passed, label=label, action=action, **fields)


def write_contract(name: str, passed: bool, *, label: str, action: str | None = None, **fields: Any) -> None:
    """Write whether a promise was kept."""
    given = {"name": name, "label": label, "passed": passed, "action": action}
    _write(_KEPT if passed else _BROKEN, "contract", {**given, **fields})


def artifact(
    name: str,
    uri: Any,
    *,
    content_hash: str | None = None,
    size_bytes: int | None = None,
    **fields: Any,
) -> None:
    """Write that a file or object was produced.

    Args:
        name: what it is, such as weights.
        uri: where it is.
        content_hash: `sha256:` and hex digits, for example.
        size_bytes: its length.
        fields: more columns or fields of your own.
    """
    given = {"name": name, "uri": uri if uri is None else text_of(uri)}
    _write(_ARTIFACT, "artifact", {**given, "content_hash": content_hash, "size_bytes": size_bytes, **fields})


def stage(
    stage: Literal["shadow", "canary", "production", "retired", "rolled_back"],
    *,
    model: str | None = None,
    model_version: str | None = None,
    reason: str | None = None,
    actor: str | None = None,
    **fields: Any,
) -> None:
    """Write that a model version moved.

    Args:
        stage: where to.
        model: which model, when not bound.
        model_version: which version of it, when not bound.
        reason: why.
        actor: by whom.
        fields: more columns or fields of your own.
    """
    given = {"model": model, "model_version": model_version, "stage": stage, "reason": reason, "actor": actor}
    _write(_STAGE, "stage", {**given, **fields})


def _number(value: float | None) -> float | None:
    return int(value) if isinstance(value, bool) else value


def _write(label: Label, name: str, fields: dict[str, Any], capture: Capture | None = None) -> None:
    if EMITTER.threshold <= 50:
        kept = {key: value for key, value in fields.items() if value is not None}
        EMITTER.send(label, name, kept, capture=capture)
