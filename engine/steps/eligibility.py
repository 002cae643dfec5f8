"""Who may be in an experiment at all, and among which arms each contact is dealt.

Arms that change `audience` are packs of other people: who is in such a pack gets that arm, everybody else is
dealt among the remaining arms. Packs are compared, never randomized.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from engine.core.calls import wishes_of
from engine.core.experiments import HOLDOUT, LIVE, Experiment
from engine.core.regions import Bounds
from engine.core.rules import Refused, may_ever
from engine.regions import rulebook
from engine.steps.ruling import providers_of
from engine.store import records, suppressions
from engine.store.candidates import Candidate, MayCall, Prospect, candidates


@dataclass(frozen=True, slots=True)
class Pack:
    """Contacts of one audience, and the shares among which they are dealt; the shares sum to 1."""

    name: str
    where: Mapping[str, str | list[str]]
    shares: Mapping[str, float]


def packs(experiment: Experiment) -> list[Pack]:
    """The packs of an experiment: each audience arm's own, then everybody else's."""
    shares = experiment.all_shares
    own = {arm: change["audience"] for arm, change in experiment.arms.items() if change.get("audience")}
    rest = {arm: share for arm, share in shares.items() if arm not in own}
    whole = sum(rest.values())
    base = dict(experiment.audience.where)
    found = [Pack(f"audience={arm}", base | dict(audience), {arm: 1.0}) for arm, audience in own.items()]
    everybody = base | dict(experiment.control.audience or {})
    return [*found, Pack("", everybody, {arm: share / whole for arm, share in rest.items()})]


def eligible(
    connection: Connection,
    experiment: Experiment,
    experiment_id: int,
    among: Sequence[int] | None,
    now: datetime,
    may: MayCall | None = None,
) -> Iterator[tuple[Pack, Candidate]]:
    """Contacts without an arm in this experiment, each with its pack; refused ones name the rule.

    `may` is asked in place of `may_call` where more is to be known than that.
    """
    timings = [treatment.timing for treatment in experiment.treatments.values()]
    needs_order_time = any(timing.after_order is not None for timing in timings)
    others = excluding(connection, experiment)
    taken: set[int] = set()
    all_packs = packs(experiment)
    ask = may or may_call(connection, experiment, now)
    for pack in all_packs:
        for candidate in candidates(
            connection, experiment_id, others=others, strata=tuple(experiment.audience.strata), where=pack.where,
            needs_order_time=needs_order_time, contact_ids=among, may_call=ask, now=now,
        ):  # fmt: skip
            if candidate.id not in taken:
                yield pack, candidate
                if len(all_packs) > 1:
                    taken.add(candidate.id)


def may_call(connection: Connection, experiment: Experiment, now: datetime) -> MayCall:
    """What the rules say of a person at any hour: no consent, no national list."""
    book, imported = rulebook(), suppressions.imports(connection)
    wishes, providers = wishes_of(experiment, experiment.control), providers_of(experiment)

    @cache
    def bounds(region: str) -> Bounds:
        return book.bounds(book.place(region, ""), wishes, providers)

    def asked(one: Prospect) -> str | None:
        ruling = may_ever(bounds(one.region), one.consent, imported, now)
        return ruling.rule if isinstance(ruling, Refused) else None

    return asked


def excluding(connection: Connection, experiment: Experiment) -> list[int]:
    """Experiments whose contacts this one may not call: those that run, and the earlier rounds of its series."""
    running = [
        other.id
        for other in records.everything(connection, LIVE)
        if other.name != experiment.name
        and other.name not in experiment.compatible_with
        and experiment.name not in other.experiment.compatible_with
    ]
    return sorted({*running, *(record.id for record in series(connection, experiment))})


def series(connection: Connection, experiment: Experiment) -> list[records.Record]:
    """The rounds before an experiment, first to last."""
    before: list[records.Record] = []
    name = experiment.follows or experiment.confirms
    while name and name not in {record.name for record in before}:
        found = records.find(connection, name)
        if found is None:
            break
        before.insert(0, found)
        name = found.experiment.follows or found.experiment.confirms
    return before


def wanted_of(pack: Pack, wanted: Mapping[str, int]) -> int:
    """How many people a pack wants, of the people wanted per arm."""
    return sum(wanted.get(arm, 0) for arm in pack.shares if arm in wanted or arm == HOLDOUT)
