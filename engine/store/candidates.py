"""Who is not in an experiment yet, and the rule that keeps somebody out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, literal, or_, select

from engine.core.consents import Consent, consent_of
from engine.store.bulk import among
from engine.store.consents import CONSENTS
from engine.store.contacts import attributes_of
from engine.store.roster import ASSIGNMENTS, CONTACTS, PRESENT, RESERVE, batches, streamed
from engine.store.suppressions import SUPPRESSIONS, listed


class Prospect(NamedTuple):
    """What a rule may ask of a contact who is not in yet; `attributes` are JSON text."""

    region: str
    phone: str
    timezones: str
    attributes: str
    consent: Consent | None


MayCall = Callable[[Prospect], str | None]  # the rule that refuses, None for none


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact who has no arm yet; `refused` is the rule that stands against one, None when none does."""

    id: int
    key: str
    stratum: str
    refused: str | None


def candidates(
    connection: Connection,
    experiment_id: int,
    *,
    others: Sequence[int],
    strata: tuple[str, ...],
    where: Mapping[str, str | list[str]],
    needs_order_time: bool,
    contact_ids: Sequence[int] | None = None,
    may_call: MayCall | None = None,
    now: datetime | None = None,
) -> Iterator[Candidate]:
    """Who is not in this experiment and has the attributes of `where`, in batches; only `contact_ids` when given.

    `others` are the experiments that may not share a contact with this one. `refused` is the first of the
    rules suppressed, other_experiment and no_order_time that holds; the last when the experiment needs an order's time;
    else what `may_call` says of the contact's region and consent. A suppression counts while it holds at `now`.
    """
    wanted = {name: {values} if isinstance(values, str) else set(values) for name, values in where.items()}
    for row in _unassigned(connection, experiment_id, others, contact_ids, now):
        stratum = ""
        if wanted or strata:
            attributes = attributes_of(row.attributes)
            if any(attributes.get(name, "") not in values for name, values in wanted.items()):
                continue
            stratum = "|".join(attributes.get(name, "") for name in strata)
        refused = None
        if row.suppressed:
            refused = "suppressed"
        elif row.elsewhere:
            refused = "other_experiment"
        elif needs_order_time and row.ordered_at is None:
            refused = "no_order_time"
        elif may_call is not None:
            refused = may_call(_prospect(row))
        yield Candidate(row.id, row.key, stratum, refused)


def _prospect(row: Row[Any]) -> Prospect:
    consent = consent_of(row.basis, row.given_at, row.proof_source, row.proof, row.withdrawn)
    return Prospect(row.region, row.phone, row.timezones, row.attributes, consent)


def _unassigned(
    connection: Connection,
    experiment_id: int,
    others: Sequence[int],
    contact_ids: Sequence[int] | None,
    now: datetime | None,
) -> Iterator[Row[Any]]:
    elsewhere, here = (
        or_(
            *(
                _exists(rows.c.contact_id == CONTACTS.c.id, rows.c.experiment_id.in_(among_these))
                for rows in (ASSIGNMENTS, RESERVE)
            )
        )
        for among_these in (others, [experiment_id])
    )
    suppressed = _exists(listed(None if now is None else literal(now, SUPPRESSIONS.c.until.type)))
    query = (
        select(
            CONTACTS.c.id, CONTACTS.c.key, CONTACTS.c.ordered_at, CONTACTS.c.attributes, CONTACTS.c.region,
            CONTACTS.c.phone, CONTACTS.c.timezones,
            suppressed.label("suppressed"), elsewhere.label("elsewhere"), CONSENTS.c.basis, CONSENTS.c.given_at,
            CONSENTS.c.source.label("proof_source"), CONSENTS.c.proof, CONSENTS.c.withdrawn,
        )
        .outerjoin(CONSENTS, CONSENTS.c.contact_id == CONTACTS.c.id)
        .where(PRESENT, ~here)
    )  # fmt: skip
    if contact_ids is None:
        yield from streamed(connection, query)
        return
    query = query.where(among(CONTACTS.c.id, "ids")).order_by(CONTACTS.c.id)
    for batch in batches(sorted(set(contact_ids))):
        yield from connection.execute(query, {"ids": batch}).all()


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(*conditions).correlate(CONTACTS).exists()
