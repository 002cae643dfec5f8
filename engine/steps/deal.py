"""Arms dealt to people who are in, and their first calls.

What was dealt stays dealt (law 3). Whoever draws an arm draws one that still deserves people: when an arm is
dropped or paused, a new period of the deal begins, in which its share goes to the others. So the deal is a
function of names and of the order in which arms left.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from engine.core.assignment import Assignment, deal, order
from engine.core.calls import Call, first_attempt, why_no_first
from engine.core.contacts import Contact
from engine.core.experiments import HOLDOUT, Experiment, State
from engine.core.factorial import deal_combinations
from engine.steps import ruling
from engine.steps.eligibility import Pack, packs
from engine.steps.parts import in_parts, in_waves, people_among
from engine.steps.resting import resting_arms, undealt_levels
from engine.store import outcomes, queue, records, reserve, roster
from engine.workspace import Running, Workspace

BATCH = 10_000
LOW = 1 / 2  # of an arm's part: with fewer people left to be called for the first time, the next part is dealt
Person = tuple[str, str, int]  # key, stratum, id
Hand = tuple[int, Assignment, int]  # contact, assignment, rank


@dataclass(frozen=True, slots=True)
class Dealing:
    """How far a deal has come: its parts so far, and each period's shares over all arms, the last in force.

    `room` is how many people of each pack the last part still lacked when the reserve ran out.
    """

    parts: int = 0
    periods: tuple[Mapping[str, float], ...] = ()
    room: Mapping[str, int] = field(default_factory=dict)

    def among(self, living: Mapping[str, float]) -> "Dealing":
        """The deal in the period of these arms, which begins when they are others than before."""
        if self.periods and self.periods[-1].keys() == living.keys():
            return self
        return replace(self, periods=(*self.periods, dict(living)))


def dealing(connection: Connection, experiment: str) -> Dealing:
    """How far the deal of an experiment has come."""
    kept = records.mark(connection, _name(experiment))
    if not kept:
        return Dealing()
    values = json.loads(kept)
    return Dealing(values["parts"], tuple(values["periods"]), values["room"])


def _keep(connection: Connection, experiment: str, state: Dealing) -> None:
    records.set_mark(connection, _name(experiment), json.dumps(asdict(state)))


def _name(experiment: str) -> str:
    return f"dealing/{experiment}"


def living_packs(connection: Connection, experiment: Experiment) -> list[Pack]:
    """The packs with the arms that still deserve people, shares summing to 1; a pack that nobody calls is left out."""
    if experiment.is_factorial:  # a level that rests is left out of the combinations, not out of the pack
        return packs(experiment)
    resting = resting_arms(connection, experiment.name)
    found = []
    for pack in packs(experiment):
        shares = {arm: share for arm, share in pack.shares.items() if arm not in resting}
        if any(arm != HOLDOUT for arm in shares):
            whole = sum(shares.values())
            found.append(replace(pack, shares={arm: share / whole for arm, share in shares.items()}))
    return found


def waiting_for_an_arm(connection: Connection, experiment: Experiment, experiment_id: int) -> int:
    """How many people may still draw an arm of this experiment."""
    if reserve.is_empty(connection, experiment_id):
        return 0
    counted = reserve.counts(connection, experiment_id)
    return sum(counted.get(pack.name, 0) for pack in living_packs(connection, experiment))


def deal_among(
    connection: Connection,
    experiment: Experiment,
    experiment_id: int,
    people: Mapping[str, Sequence[Person]],
    now: datetime,
) -> Counter[str]:
    """Deal the living arms to the people of each pack, by the pack's name; returns how many drew each arm.

    Ranks interleave the packs, so that all arms are dialed side by side.
    """
    living = living_packs(connection, experiment)
    weights = {arm: experiment.all_shares[arm] for pack in living for arm in pack.shares}
    whole = sum(weights.values())
    before = dealing(connection, experiment.name)
    state = before.among({arm: share / whole for arm, share in weights.items()})
    period = len(state.periods) - 1
    drawn: Counter[str] = Counter()
    for part in _batches(_hands(connection, experiment, experiment_id, living, people, period)):
        roster.assign(connection, experiment_id, part, now, period)
        _plan_first(connection, experiment, experiment_id, part, now)
        drawn.update(assignment.arm for _, assignment, _ in part)
    if drawn and state is not before:
        _keep(connection, experiment.name, state)
    return drawn


def _hands(
    connection: Connection,
    experiment: Experiment,
    experiment_id: int,
    living: Sequence[Pack],
    people: Mapping[str, Sequence[Person]],
    period: int,
) -> Iterator[Hand]:
    """Every person's arm, with its rank."""
    dealt = roster.dealt(connection, experiment_id, period)
    first = roster.next_rank(connection, experiment_id)
    ids = {key: contact_id for part in people.values() for key, _, contact_id in part}
    hands: list[Assignment] = []
    for pack in living:
        pairs = ((key, stratum) for key, stratum, _ in people.get(pack.name, ()))
        if experiment.is_factorial:
            hands += deal_combinations(experiment, pairs, dealt, undealt_levels(connection, experiment.name))
        else:
            hands += deal(experiment.name, pack.shares, pairs, dealt, period)
    if len(living) > 1:
        hands.sort(key=lambda assignment: order(experiment.name, assignment.contact))
    for rank, assignment in enumerate(hands, start=first):
        yield ids[assignment.contact], assignment, rank


def _batches(dealt: Iterable[Hand]) -> Iterator[list[Hand]]:
    part: list[Hand] = []
    for hand in dealt:
        part.append(hand)
        if len(part) == BATCH:
            yield part
            part = []
    if part:
        yield part


def _plan_first(
    connection: Connection, experiment: Experiment, experiment_id: int, part: Sequence[Hand], now: datetime
) -> None:
    """Queue the first calls; who will not be called is refused, and mature when the window after now closes."""
    contacts = roster.contacts(connection, [contact_id for contact_id, _, _ in part])
    wanted: list[tuple[int, Contact, Call]] = []
    refused: list[tuple[int, str]] = []
    mature = {}
    for contact_id, assignment, rank in part:
        if assignment.arm == HOLDOUT:
            mature[contact_id] = now + experiment.conversion.within
            continue
        call = first_attempt(experiment, contacts[contact_id], assignment.arm, rank, now)
        if call is None:
            refused.append((contact_id, why_no_first(experiment, contacts[contact_id], assignment.arm, now)))
        else:
            wanted.append((contact_id, contacts[contact_id], call))
    calls, ruled_out = ruling.planned(connection, experiment, wanted, now)
    refused += ruled_out
    mature |= {contact_id: now + experiment.conversion.within for contact_id, _ in refused}
    queue.plan(connection, experiment_id, calls)
    roster.refuse(connection, experiment_id, refused, now)
    outcomes.mature_at(connection, experiment_id, mature)


def deal_part(connection: Connection, experiment: Experiment, experiment_id: int, now: datetime) -> Counter[str]:
    """Deal the next part out of the reserve; returns how many drew each arm, nobody when nobody is left."""
    while True:
        living = living_packs(connection, experiment)
        state = dealing(connection, experiment.name)
        weight = sum(experiment.all_shares[arm] for pack in living for arm in pack.shares)
        sizes = {pack.name: people_among(experiment, state.parts, pack.shares, weight) for pack in living}
        taken, drawn = _deal_out(connection, experiment, experiment_id, sizes, now)
        if drawn or not taken:
            return drawn


def fill_part(connection: Connection, experiment: Experiment, experiment_id: int, now: datetime) -> Counter[str]:
    """Deal to who came late what the last part lacks; all of a first part when there was none."""
    state = dealing(connection, experiment.name)
    if not state.parts:
        return deal_part(connection, experiment, experiment_id, now)
    if not any(state.room.values()) or records.state_of(connection, experiment_id) is not State.RUNNING:
        return Counter()
    return _deal_out(connection, experiment, experiment_id, state.room, now, more=True)[1]


def _deal_out(
    connection: Connection,
    experiment: Experiment,
    experiment_id: int,
    sizes: Mapping[str, int],
    now: datetime,
    *,
    more: bool = False,
) -> tuple[int, Counter[str]]:
    """Deal so many of each pack's reserve; returns how many left the reserve and how many drew each arm.

    Who is on the suppression list by now draws no arm, and is refused. With `more` it belongs to the last part.
    """
    people: dict[str, list[Person]] = {}
    room: dict[str, int] = {}
    refused: list[tuple[int, str]] = []
    for pack, most in sizes.items():
        first = reserve.first(connection, experiment_id, pack, most, now)
        people[pack] = [(one.key, one.stratum, one.id) for one in first if not one.suppressed]
        refused += [(one.id, "suppressed") for one in first if one.suppressed]
        room[pack] = most - len(first)
    ids = [contact_id for those in people.values() for _, _, contact_id in those]
    reserve.take(connection, experiment_id, [*ids, *(contact_id for contact_id, _ in refused)])
    roster.refuse(connection, experiment_id, refused, now)
    drawn = deal_among(connection, experiment, experiment_id, people, now) if ids else Counter[str]()
    if drawn:
        state = dealing(connection, experiment.name)
        _keep(connection, experiment.name, replace(state, parts=state.parts + (not more), room=room))
    return len(ids) + len(refused), drawn


def ahead(workspace: Workspace, running: Running, now: datetime) -> int:
    """Deal the next part when an arm runs low and nothing waits for conversions; returns how many drew an arm."""
    experiment = running.experiment
    if not in_parts(experiment) or in_waves(experiment):
        return 0
    with workspace.database.reading() as connection:
        if reserve.is_empty(connection, running.id) or not _runs_low(connection, experiment, running.id):
            return 0
    with workspace.database.writing() as connection:
        if records.held_state(connection, running.id) not in (State.RUNNING, State.WAITING):
            return 0
        if not _runs_low(connection, experiment, running.id):  # another process may have been first
            return 0
        return deal_part(connection, experiment, running.id, now).total()


def _runs_low(connection: Connection, experiment: Experiment, experiment_id: int) -> bool:
    """Whether some living arm of a pack with people in reserve has few left to be called for the first time."""
    left = reserve.counts(connection, experiment_id)
    undialed = queue.first_attempts(connection, experiment_id)
    living = living_packs(connection, experiment)
    weight = sum(experiment.all_shares[arm] for pack in living for arm in pack.shares)
    return any(
        undialed.get(arm, 0) < LOW * share * people_among(experiment, 1, pack.shares, weight)
        for pack in living
        if left.get(pack.name)
        for arm, share in pack.shares.items()
        if arm != HOLDOUT
    )
