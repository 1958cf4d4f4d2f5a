"""What secrets look like in text. Every pattern takes time linear in the text, whatever the text is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """A secret in a text, and the form in which equal secrets are equal (for the hash)."""

    start: int
    end: int
    normal: str


Finder = Callable[[str], Iterator[Span]]

# The local part is taken possessively from where it begins, so that text without an @ is passed once.
_EMAIL: Final = re.compile(
    r"(?<![\w.+-])(?<![\w.+-]')[\w.+-]++(?:'[\w.+-]++)*+(?:@|%40)(?:[\w-]++\.)+(?:xn--[\w-]+|[^\W\d_]{2,})(?![\w-])"
)


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, also percent-encoded ones in URLs; not `name@1.2.3` and `user@10.0.0.1`."""
    if "@" not in text and "%40" not in text:
        return
    for found in _EMAIL.finditer(text):
        yield Span(found.start(), found.end(), found[0].replace("%40", "@").lower())


_GAP: Final = "[ ().\\-/\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}\N{EN DASH}]"
_PHONE: Final = re.compile(
    # +49 30 1234567: any country, 7 to 15 digits
    rf"(?<![\w+])\+\d(?:{_GAP}{{0,2}}\d){{6,14}}(?![^\W_])"
    # (415) 555-0132, 415-555-0132, 1.415.555.0132
    r"|(?<![\w.+/:-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[ .-]\d{4}(?![\w:]|[.-]\d)"
    # 030 1234567, 0171/1234567, 020 7946 0958: a run of groups, in which numbers are then looked for
    r"|(?<![\w.+/:,-])(?P<groups>\(?0[1-9]\d{0,3}\)?(?:[ /-]\d{2,8})++)",
    re.ASCII,
)
_DIGITS: Final = re.compile(r"[0-9]+")
_GOES_ON: Final = re.compile(r"[A-Za-z0-9_:]|[.-][0-9]")


def phones(text: str) -> Iterator[Span]:
    """Telephone numbers: with a country code, or written with gaps. A bare run of digits stays: it may be anything."""
    for found in _PHONE.finditer(text):
        if found["groups"] is None:
            yield Span(found.start(), found.end(), _normal(found[0]))
        else:
            yield from _national(text, found.start(), found.end())


def _normal(number: str) -> str:
    return "".join(filter(str.isdecimal, number))


def _national(text: str, start: int, end: int) -> Iterator[Span]:
    """Numbers of 9 to 12 digits that begin with 0, in a run of groups of digits."""
    groups = list(_DIGITS.finditer(text, start, end))
    if _GOES_ON.match(text, end):
        del groups[-1:]  # it goes on as something else
    index = 0
    while index < len(groups):
        taken = size = 0
        for count, group in enumerate(groups[index : index + 5], 1):
            size += len(group[0])
            if 9 <= size <= 12 and count > 1:
                taken = count
        if taken and groups[index][0].startswith("0"):
            first, last = groups[index], groups[index + taken - 1]
            opening = first.start() - (text[first.start() - 1 : first.start()] == "(")
            yield Span(opening, last.end(), _normal(text[first.start() : last.end()]))
            index += taken
        else:
            index += 1


_RUN: Final = re.compile(r"(?<![A-Za-z0-9])[0-9](?:[ -]?[0-9])*+")
_JOINED: Final = re.compile(r"[A-Za-z0-9]|\.[0-9]")
_SHAPES: Final = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))
_BRANDS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}"  # Discover, UnionPay
    r"|(?:50|5[6-9]|6\d)\d{11,17}"  # Maestro
)


def is_card(digits: str) -> bool:
    """Whether these digits are a payment card number: a brand's prefix and length, and Luhn's check digit."""
    if not 13 <= len(digits) <= 19 or not _BRANDS.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def cards(text: str) -> Iterator[Span]:
    """Payment card numbers, whole or in their usual groups; not digits that touch letters or a decimal point."""
    for run in _RUN.finditer(text):
        if run.end() - run.start() < 13:
            continue
        groups = list(_DIGITS.finditer(text, run.start(), run.end()))
        if run.start() > 1 and text[run.start() - 1] == "." and text[run.start() - 2].isdecimal():
            del groups[0]  # the decimals of a number
        if _JOINED.match(text, run.end()):
            del groups[-1:]
        index = 0
        while index < len(groups):
            size = 0
            if len(groups[index][0]) >= 4:
                size = next((n for n in _sizes(groups, index) if is_card(_digits(groups[index : index + n]))), 0)
            if size:
                card = groups[index : index + size]
                yield Span(card[0].start(), card[-1].end(), _digits(card))
            index += size or 1


def _sizes(groups: list[re.Match[str]], index: int) -> Iterator[int]:
    """How many groups, from one on, have the shape of a card."""
    for shape in sorted(_SHAPES, key=len, reverse=True):
        if tuple(len(group[0]) for group in groups[index : index + len(shape)]) == shape:
            yield len(shape)
    if len(groups[index][0]) >= 13:
        yield 1


def _digits(groups: list[re.Match[str]]) -> str:
    return "".join(group[0] for group in groups)


_W: Final = "[A-Za-z0-9_-]"
TOKENS: Final[dict[str, str]] = {
    "sk-": rf"sk-{_W}{{16,}}",  # OpenAI, Anthropic, OpenRouter, Langfuse
    "sk_": r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe
    "rk_": r"rk_(?:live|test)_[A-Za-z0-9]{10,}",
    "whsec_": r"whsec_[A-Za-z0-9+/=]{16,}",
    "AKIA": r"AKIA[A-Z0-9]{16}",  # Amazon
    "ASIA": r"ASIA[A-Z0-9]{16}",
    "ghp_": r"ghp_[A-Za-z0-9]{20,}",  # GitHub
    "gho_": r"gho_[A-Za-z0-9]{20,}",
    "ghu_": r"ghu_[A-Za-z0-9]{20,}",
    "ghs_": r"ghs_[A-Za-z0-9]{20,}",
    "ghr_": r"ghr_[A-Za-z0-9]{20,}",
    "github_pat_": r"github_pat_[A-Za-z0-9_]{20,}",
    "glpat-": rf"glpat-{_W}{{16,}}",  # GitLab
    "xox": r"xox[a-z]-[A-Za-z0-9-]{8,}",  # Slack
    "xapp-": r"xapp-[A-Za-z0-9-]{8,}",
    "AIza": rf"AIza{_W}{{30,}}",  # Google
    "ya29.": rf"ya29\.{_W}{{16,}}",
    "GOCSPX-": rf"GOCSPX-{_W}{{16,}}",
    "hf_": r"hf_[A-Za-z0-9]{20,}",  # Hugging Face
    "gsk_": r"gsk_[A-Za-z0-9]{20,}",  # Groq
    "xai-": rf"xai-{_W}{{20,}}",
    "pplx-": r"pplx-[A-Za-z0-9]{20,}",  # Perplexity
    "nvapi-": rf"nvapi-{_W}{{20,}}",  # NVIDIA
    "r8_": r"r8_[A-Za-z0-9]{20,}",  # Replicate
    "pcsk_": r"pcsk_[A-Za-z0-9_]{20,}",  # Pinecone
    "dapi": r"dapi[0-9a-f]{32}",  # Databricks
    "SG.": rf"SG\.{_W}{{16,}}\.{_W}{{16,}}",  # SendGrid
    "npm_": r"npm_[A-Za-z0-9]{30,}",
    "pypi-": rf"pypi-{_W}{{30,}}",
}
"""Keys of services: what they contain -> the pattern. A boundary before is checked apart."""

_TOKENS: Final = re.compile("(?<![A-Za-z0-9])(?:" + "|".join(TOKENS.values()) + ")")
# A JSON Web Token: a run of dotted parts is taken whole, and looked into afterwards.
_DOTTED: Final = re.compile(r"(?<![\w.-])[\w-]*+(?:\.[\w-]*+){2,}+")
_TOKEN_START: Final = re.compile(r"(?<![A-Za-z0-9])eyJ")
CONTEXTS: Final = (
    "bearer",
    "authorization",
    "private key",
    "passw",
    "secret",
    *(f"{a}{gap}{b}" for a, b in (("api", "key"), ("access", "key")) for gap in ("", "_", "-")),
    *(f"{a}{gap}token" for a in ("auth", "access", "refresh") for gap in ("", "_", "-")),
)
"""What stands before a secret that has no form of its own, in lower case."""
_IN_CONTEXT: Final = re.compile(
    r"\bbearer\s{1,4}(?P<bearer>[\w.~+/=-]{12,})"
    r"|\bauthorization['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?:basic|token|digest|apikey)\s{1,4}(?P<header>[^\s'\",;]+)"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?P<pem>[^-]+)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
    r"|(?:api[_-]?key|access[_-]?key|secret[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|client[_-]?secret"
    r"|passw(?:or)?d)['\"]?\s{0,4}[=:]\s{0,4}['\"]?(?![0-9a-f]{12}\])(?P<named>[^\s'\",;&<>(){}\[\]]{8,})",
    re.IGNORECASE | re.ASCII,
)
SECRET_NAME: Final = re.compile(
    r"(?:^|[._-])(?:x[_-])?(?:(?:api|access|secret)[_-]?key|(?:auth|access|refresh)[_-]?token|client[_-]?secret"
    r"|passw(?:or)?d|authorization)$",
    re.IGNORECASE,
)
"""Keys of a JSON object whose value is a secret by its name alone."""
_IN_URL: Final = re.compile(r"://[^/\s:@]*+:(?P<url>[^/\s@]++)@")


def api_keys(text: str) -> Iterator[Span]:
    """Keys and tokens: by a service's own form, or by what stands before them (bearer, password=, user:...@host)."""
    if any(mark in text for mark in TOKENS):
        for found in _TOKENS.finditer(text):
            yield Span(found.start(), found.end(), found[0])
    if "eyJ" in text:
        for run in _DOTTED.finditer(text):
            start = _TOKEN_START.search(text, run.start(), run.end())
            if start and text.count(".", start.start(), run.end()) >= 2:
                yield Span(start.start(), run.end(), text[start.start() : run.end()])
    lower = text.lower()
    if any(mark in lower for mark in CONTEXTS):
        for found in _IN_CONTEXT.finditer(text):
            name = found.lastgroup or ""
            yield Span(found.start(name), found.end(name), found[name])
    if "://" in text and "@" in text:
        for found in _IN_URL.finditer(text):
            yield Span(found.start("url"), found.end("url"), found["url"])


FINDERS: Final[dict[str, Finder]] = {"api_key": api_keys, "email": emails, "card": cards, "phone": phones}
"""By the name in the settings, in the order in which they are applied."""
