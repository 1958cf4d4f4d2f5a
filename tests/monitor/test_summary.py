"""The sentence of an alert."""

from __future__ import annotations

import pytest

from deadreckon.monitor.summary import names_in, number, render, unknown_names


def test_names_and_formats_are_filled_in():
    """A template says its facts, with thousands, decimals and percent where asked."""
    template = "{rule}: {value:.1f} ms, {share:.1%} of {n:,} in {tool}; {{kept}}"
    facts = {"rule": "slow", "value": 1234.56, "share": 0.123, "n": 12345, "tool": "search"}
    assert render(template, facts) == "slow: 1234.6 ms, 12.3% of 12,345 in search; {kept}"


def test_a_name_without_a_value_stays_and_a_missing_number_is_a_dash():
    """Nothing raises while an alert is told."""
    assert render("{value:.1f} of {nothing:.2f}", {"value": None}) == "- of {nothing:.2f}"


@pytest.mark.parametrize(
    "template",
    [
        "{value.__class__}",
        "{labels[0]}",
        "{value!r}",
        "{}",
        "{0}",
        "{value:>1000000000}",
        "{value:{n}}",
        "{value",
        "value}",
        "{value:x}",
        "{ value }",
    ],
)
def test_templates_cannot_reach_into_values_or_ask_for_gigabytes(template):
    """Attributes, indexes, conversions, widths, nested formats and broken braces are refused when rules are loaded."""
    with pytest.raises(ValueError, match=r".+"):
        names_in(template)


def test_text_with_numbers_format_is_shown_as_text():
    """A label is text: a number's format does not break it."""
    assert render("{tool:.2f}", {"tool": "search"}) == "search"


def test_unknown_names_are_found_when_rules_are_loaded():
    """Facts and labels are known, anything else is named."""
    assert unknown_names("{value} {tool} {colour}", ["tool"]) == ["colour"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (0.123456789, "0.123457"), (1234567.89, "1234567.9"), (1e20, "1e+20"), (float("inf"), "inf")],
)
def test_numbers_are_written_for_people(value, text):
    """Whole numbers in full, others with six digits, no exponent for a cost in millions."""
    assert number(value) == text
