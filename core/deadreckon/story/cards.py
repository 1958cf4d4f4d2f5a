"""Model cards of the story: Markdown with front matter, filled from the story's own facts."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.story import plot, training

_TEXTS: Final = {
    "1.4.0": (
        "The model of the summer. Dependable, but it sends too many customers to a person.",
        ("Labels were written by the tickets' closing codes: one in seven is wrong.",),
        ("Have the support team check the labels.", "Give the adapter more room."),
    ),
    "1.5.0": (
        "Same features as 1.4.0, labels checked by the support team, twice the adapter's rank.",
        (
            "Checked labels brought more than any hyperparameter (compare run-2026-10-06-b).",
            "A learning rate of 0.0004 diverges early; more dropout changes nothing.",
        ),
        ("Try three times the parameters.", "Price the embedding model: its calls are unpriced."),
    ),
    "1.6.0": (
        "Three times the parameters, and it reasons before it answers. Rolled back after two days as a canary.",
        (
            "Its answers take about twice as long as those of 1.5.0, and each call costs twice as much.",
            "Fold 4 of its validation trained on the days it was tested on: the f1 above is too high.",
        ),
        ("Repeat the validation with a gap of at least 3 days in every fold.", "Cap the reasoning tokens."),
    ),
}


def card(version: str, answers: dict[str, Any]) -> str:
    """The card of one version of tern-assist, as Markdown."""
    run = next(e for e in training.EXPERIMENTS if e.model_version == version)
    figures = answers["versions"][version]
    summary, findings, ideas = _TEXTS[version]
    versions = training.VERSIONS | run.versions
    params = training.PARAMS | run.params
    front = [
        "---",
        f"model: {plot.MODEL}",
        f'version: "{version}"',
        f"stage: {answers['stages'][version]}",
        f"run_id: {run.run_id}",
        "versions:",
        *(f"  {key}: {value}" for key, value in versions.items()),
        "params:",
        *(f"  {key}: {value}" for key, value in params.items()),
        "metrics:",
        f"  f1: {run.f1}",
        "pins:",
        "  seeds: {python: 7, shuffle: 11}",
        '  python: "3.12.11"',
        '  driver: "580.95"',
        "---",
    ]
    row = (
        f"| {figures['calls']:,} | {figures['p50_ms']:,.0f} | {figures['p95_ms']:,.0f} "
        f"| {figures['ttft_p50_ms']:,.0f} | {figures['cost_per_call_usd']:.5f} |"
    )
    body = [
        f"# {plot.MODEL} {version}",
        "",
        summary,
        "",
        "## In production logs",
        "",
        "| calls | p50 ms | p95 ms | first token ms | US dollars a call |",
        "| ---: | ---: | ---: | ---: | ---: |",
        row,
        "",
        "## Findings",
        "",
        *(f"- {text}" for text in findings),
        "",
        "## Ideas",
        "",
        *(f"- {text}" for text in ideas),
    ]
    return "\n".join([*front, "", *body]) + "\n"
