"""The audience: who may be called, and the columns of the file that lists them."""

from collections.abc import Iterable
from pathlib import Path

from engine.definitions.drafts import Draft
from engine.definitions.findings import shown
from engine.definitions.places import Trail

MEANT = (
    "key",
    "phone",
    "name",
    "timezone",
    "ordered_at",
    "consent",
    "consent_at",
    "consent_source",
    "consent_proof",
)  # their columns are no attributes
TIERED = ("recency", "frequency", "monetary")
VALUE_TIER = "value_tier"  # the attribute that the three become
LONGEST_PATH = 1000


def check_people(draft: Draft) -> None:
    """People come from one source, which has the columns that the file speaks of."""
    audience, findings = draft.experiment.audience, draft.findings
    contacts, roster = ("audience", "contacts"), ("audience", "roster")
    if findings.clean(contacts, roster):
        if audience.contacts is not None and audience.roster:
            findings.at_key(roster, "people come from `contacts` or from the roster, not from both; take one out")
        elif audience.contacts is None and not audience.roster:
            message = (
                "says nowhere who may be called; write `contacts: FILE`, or `roster: true` for people already imported"
            )
            findings.at_key(("audience",), message)
        elif audience.roster and "columns" in audience.model_fields_set:
            findings.at_key(("audience", "columns"), "there is no contact file whose columns these would be")
    if findings.clean(("audience", "holdout")):
        if audience.holdout == 1:
            findings.at_value(("audience", "holdout"), "100% leaves nobody to call")
            findings.spoil(("audience", "holdout"))
        elif 0 < audience.holdout < 0.005:
            findings.at_value(("audience", "holdout"), "too small to be dealt; 0.5% is the least")
    _check_strata(draft)
    _check_order_time(draft)
    if audience.contacts is not None and findings.clean(contacts):
        _check_columns(draft, audience.contacts)


def _check_strata(draft: Draft) -> None:
    seen: set[str] = set()
    for index, name in enumerate(draft.experiment.audience.strata):
        if name in seen:
            draft.findings.at_value(("audience", "strata", index), f"{shown(name)} stands here twice")
        seen.add(name)


def _check_order_time(draft: Draft) -> None:
    audience = draft.experiment.audience
    column = ("audience", "columns", "ordered_at")
    if audience.contacts is None or audience.columns.ordered_at is not None or not draft.findings.clean(column):
        return
    for trail, _, written in draft.written():
        timing = written.get("timing")
        place = (*trail, "timing", "after_order")
        if isinstance(timing, dict) and timing.get("after_order") is not None and draft.findings.clean(place):
            message = "no column says when people ordered; name it under audience.columns, as `ordered_at: paid_at`"
            draft.findings.at_key(place, message)


def _check_columns(draft: Draft, contacts: str) -> None:
    columns = _columns(draft, contacts)
    if columns is None:
        return
    mapped = draft.experiment.audience.columns
    for field, column in mapped.model_dump().items():
        trail = ("audience", "columns", field)
        if column is None or column in columns or not draft.findings.clean(trail):
            continue
        message = f"{shown(contacts)} has no column {shown(column)}{draft.findings.near(column, columns)}"
        if field in mapped.model_fields_set:
            draft.findings.at_value(trail, message)
        elif draft.findings.clean(trail[:2]):
            at = ("audience", "columns") if "columns" in draft.experiment.audience.model_fields_set else trail[:1]
            draft.findings.at_key(at, f"{message}; say which one it is with `columns: {{{field}: …}}`", about=trail[:2])
    _check_attributes(draft, contacts, _attributes(draft, columns))


def _attributes(draft: Draft, columns: tuple[str, ...]) -> tuple[str, ...]:
    mapped = draft.experiment.audience.columns.model_dump()
    meant = {mapped[name] for name in MEANT}
    tiers = (VALUE_TIER,) if any(mapped[name] for name in TIERED) else ()
    return (*(column for column in columns if column not in meant), *tiers)


def _check_attributes(draft: Draft, contacts: str, attributes: tuple[str, ...]) -> None:
    audience = draft.experiment.audience
    used: list[tuple[Trail, str]] = [(("audience", "where", name), name) for name in audience.where]
    used += [(("audience", "strata", index), name) for index, name in enumerate(audience.strata)]
    for trail, _, written in draft.written():
        packs = written.get("audience")
        used += [((*trail, "audience", name), name) for name in (packs if isinstance(packs, dict) else {})]
    for place, name in used:
        if name not in attributes and draft.findings.clean(place, ("audience", "columns")):
            message = f"{shown(contacts)} has no attribute {shown(name)}{draft.findings.near(name, attributes)}"
            draft.findings.at_key(place, message, about=place[:-1])


def _columns(draft: Draft, contacts: str) -> tuple[str, ...] | None:
    """The header of the contact file, None when it is not there or cannot be asked for its header."""
    trail = ("audience", "contacts")
    if not contacts.strip() or len(contacts) > LONGEST_PATH or not contacts.isprintable():
        draft.findings.at_value(trail, f"{shown(contacts)} is not the path of a file")
        return None
    try:
        return _first(draft.surroundings.columns(folder / contacts) for folder in _folders(draft))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        draft.findings.at_value(trail, f"{shown(contacts)} cannot be read: {reason}")
        return None


def _folders(draft: Draft) -> tuple[Path, ...]:
    return (draft.path.parent, *draft.surroundings.folders)


def _first(headers: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    return next((header for header in headers if header is not None), None)
