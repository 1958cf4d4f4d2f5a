"""What people can do about alerts: silence what will come, end that, take what is open, let it go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deadreckon.core.errors import UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import nearest
from deadreckon.monitor import store
from deadreckon.monitor.alert import Alert, iso
from deadreckon.monitor.deed_store import read, record
from deadreckon.monitor.deeds import EXPIRE, RELEASE, SILENCE, TAKE, Book, Deed, Silence, alert_of
from deadreckon.monitor.matcher import Matcher, matches_everything


def silence(
    lake: Lake, matchers: Sequence[Matcher], *, starts_at: int, ends_at: int, by: str, comment: str, now: float
) -> Silence:
    """Silence every alert that all matchers hold for, from `starts_at` up to `ends_at` (epoch seconds).

    Raises:
        UsageError: it would never hold, or for every alert there is.
    """
    if ends_at <= max(starts_at, now):
        raise UsageError("the silence would be over before it begins", hint="give --for 2h, or --until a later time")
    if matches_everything(matchers):
        raise UsageError(
            "these matchers hold for every alert",
            hint="add one that needs a value: rule=slow*, severity=critical; rule=~.+ if it is meant",
        )
    deed = Deed(SILENCE, int(now), by, comment, "", tuple(matchers), max(starts_at, int(now)), ends_at)
    (made,) = record(lake, lambda _: [deed])
    return Silence(made)


def expire(lake: Lake, name: str, *, by: str, comment: str, now: float) -> Silence:
    """End a silence, named by its id or the beginning of it.

    Raises:
        UsageError: there is no such silence, or it is over.
    """

    def decide(book: Book) -> list[Deed]:
        found = _named(book, name)
        if found.until <= now:
            raise UsageError(f"the silence {found.made.id} was over at {iso(found.until)}", hint="nothing to do")
        return [Deed(EXPIRE, int(now), by, comment, found.made.id)]

    (ended,) = record(lake, decide)
    return _named(read(lake), ended.about)


def acknowledge(
    lake: Lake, rule: str, labels: Mapping[str, str], *, by: str, comment: str, now: float, undo: bool = False
) -> list[Alert]:
    """Take every open alert of a rule (and its levels) with these labels, or let it go with `undo`; those that changed.

    Raises:
        UsageError: no alert of this rule and these labels is open.
    """
    changed: list[Alert] = []

    def decide(book: Book) -> list[Deed]:
        alerts = _open(lake, rule, labels)
        held = book.taken(alerts)
        changed[:] = [a for a, taken in zip(alerts, held, strict=True) if (taken is not None) == undo]
        return [Deed(RELEASE if undo else TAKE, int(now), by, comment, alert_of(a)) for a in changed]

    record(lake, decide)
    return changed


def _open(lake: Lake, rule: str, labels: Mapping[str, str]) -> list[Alert]:
    alerts = [a for a in store.read(lake).alerts if a.stream.active_since is not None]
    named = [a for a in alerts if a.is_of(rule)]
    found = [a for a in named if all((a.labels.get(k) or "") == v for k, v in labels.items())]
    if not found:
        which = " with these labels" if named else ""
        hint = "reckon alerts --state firing lists what is open"
        if not named and alerts:
            hint = nearest(rule, sorted({name for a in alerts for name in (a.stream.rule, a.part_of) if name}))
        raise UsageError(f"no alert of the rule {rule!r}{which} is open", hint=hint)
    return found


def _named(book: Book, name: str) -> Silence:
    found = [s for s in book.silences() if name and s.made.id.startswith(name)]
    if len(found) != 1:
        several = f"{len(found)} silences begin with {name!r}" if found else f"there is no silence {name!r}"
        raise UsageError(several, hint="reckon alerts silence list shows their ids")
    return found[0]
