"""What customers ask and the agent says: invented, short, and free of real people."""

from __future__ import annotations

from typing import Final

INTENTS: Final = ("where_is_it", "damaged", "refund", "change_address", "invoice", "other")
QUESTIONS: Final = {
    "where_is_it": (
        "Where is my parcel {order}? It should have been here on Tuesday.",
        "Tracking for {order} has not moved in three days, can you check?",
        "Wann kommt meine Sendung {order} an?",
    ),
    "damaged": (
        "The box of order {order} arrived crushed and the lamp inside is broken.",
        "Two of the six glasses in {order} are chipped, what now?",
    ),
    "refund": (
        "I sent {order} back last week and still wait for the money.",
        "Please refund {order}, it was delivered twice.",
    ),
    "change_address": (
        "Can {order} go to my neighbour instead? I am away until Friday.",
        "I typed the wrong house number for {order}, please change it to 14.",
    ),
    "invoice": ("I need an invoice for {order} with our VAT number on it.",),
    "other": (
        "Do you deliver to islands on Saturdays?",
        "The app logs me out whenever I open my orders.",
    ),
}
PRIVATE: Final = (
    " You can reach me at jo.{n}@example.com.",
    " My mail is casey{n}@example.org, thanks!",
    " Call me on +1 555 010 {n:04d} please.",
    " I paid with card 4111 1111 1111 1111.",
)
"""Appended to some questions: what redaction must remove. Reserved domains, fictional numbers, the public test card."""

ANSWERS: Final = {
    "where_is_it": "Parcel {order} left our depot this morning and should reach you tomorrow before noon.",
    "damaged": "I am sorry about that. A replacement for {order} is on its way; please keep the box for our driver.",
    "refund": "The refund for {order} was released today and shows on your account within three working days.",
    "change_address": "Done: {order} will go to the new address. You will get a message when it is on the van.",
    "invoice": "The invoice for {order} is attached, with your VAT number.",
    "other": "Thank you for asking. Here is what I found in our help pages, with the links below.",
}
TOOLS: Final = {
    "where_is_it": ("order_lookup", "carrier_status"),
    "damaged": ("order_lookup", "replacement_create"),
    "refund": ("order_lookup", "refund_quote"),
    "change_address": ("order_lookup", "address_update"),
    "invoice": ("invoice_render",),
    "other": (),
}
TOOL_MS: Final = {
    "order_lookup": 120.0,
    "carrier_status": 340.0,
    "replacement_create": 210.0,
    "refund_quote": 160.0,
    "address_update": 95.0,
    "invoice_render": 480.0,
}
CHOICES: Final = ("answer", "refund", "replace", "escalate")
CHOICE_OF: Final = {"refund": "refund", "damaged": "replace"}
REASON_OF: Final = {
    "refund": "the parcel came back within 30 days",
    "replace": "photo shows the damage",
    "escalate": "customer asked for a person",
}
CHANNELS: Final = ("web", "web", "web", "app", "app", "mail")
LANGUAGES: Final = ("en", "en", "en", "de", "fr")
TOOL_ERRORS: Final = (
    ("UpstreamTimeout", "orders-db did not answer within 2000 ms"),
    ("UpstreamUnavailable", "orders-db: 503 pool exhausted"),
)
