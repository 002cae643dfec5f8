"""What must hold before any number is believed: every arm got its share, and arms are alike where none can differ.

Both are read at every look, so what alarms is safe at every look (`engine.stats.balance`, `engine.stats.homogeneity`);
the χ² beside it describes.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.denominators import CHANGES_CONNECT, placebo_arms, variables_in
from engine.core.evidence import Evidence, Question, Stage
from engine.core.sentences import Label, Sentence
from engine.stats.balance import Deals, balance_p_value
from engine.stats.homogeneity import Alike, rates_alike

STAGES: tuple[Stage, ...] = ("assigned", "dialled", "connected")
BALANCE_ALARM = 1000.0
PLACEBO_ALARM = 1000.0

# Who is dialled later, or is another pack of people, may differ at these stages for no fault.
_MAY_DIFFER: dict[str, frozenset[str]] = {
    "assigned": frozenset(),
    "dialled": frozenset({"timing"}),
    "connected": CHANGES_CONNECT,
}


@dataclass(frozen=True, slots=True)
class Balance:
    """One stage's counts against the arms' shares; `adapter` placed the calls, "" where none is known.

    What alarms is the `highest` that the odds ever were: people who were lost are not found again by later calls.

    `observed` leaves out what an arm still gathered after its calls were stopped; `expected` are shares of the rest.
    """

    stage: str
    adapter: str
    expected: Mapping[str, float]
    observed: Mapping[str, int]
    p_value: float
    odds: float
    highest: float

    @property
    def ok(self) -> bool:
        return self.highest < BALANCE_ALARM


@dataclass(frozen=True, slots=True)
class PlaceboCheck:
    """Whether the arms look alike where none of them can make a difference.

    `arms` are those that were compared, each with why it cannot make one; `left_out` those that can.
    """

    metric: str
    p_value: float
    odds: float
    highest: float
    label: Label
    why: Label
    arms: Mapping[str, Sentence | None] = field(default_factory=dict)
    left_out: Mapping[str, Sentence] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.highest < PLACEBO_ALARM


def check_balance(
    question: Question, evidence: Evidence, left_out: Collection[str] = ()
) -> tuple[tuple[Balance, ...], dict[str, Deals]]:
    """Every stage that was counted, over the arms that chance deals and that cannot change the stage; and its watch.

    `left_out` are arms that got no contacts since the look before: the others' shares of one another stay as they were.
    """
    checks, watches = [], dict(evidence.watch.balance)
    for stage, adapter, counts in _counted(evidence):
        arms = [arm for arm in question.arms if arm in counts and _comparable(question, arm, stage)]
        shares = [0.0 if arm in left_out else question.shares[arm] for arm in arms]
        if sum(share > 0 for share in shares) < 2:
            continue
        place = f"{stage}/{adapter}" if adapter else stage
        deals = watches[place] = watches.get(place, Deals()).look([counts[arm] for arm in arms], shares)
        due, gathered = deals.expected, deals.gathered
        shown = [at for at, share in enumerate(deals.shares) if share > 0 or gathered[at] or due[at]]
        total = sum(due)
        checks.append(
            Balance(
                stage,
                adapter,
                {arms[at]: due[at] / total if total else deals.shares[at] for at in shown},
                {arms[at]: round(gathered[at]) for at in shown},
                balance_p_value([gathered[at] for at in shown], [due[at] if total else 1.0 for at in shown]),
                deals.odds,
                deals.highest,
            )
        )
    return tuple(checks), watches


def _counted(evidence: Evidence) -> Iterator[tuple[Stage, str, Mapping[str, int]]]:
    """Every stage with its counts: of all calls, and where several adapters placed them, of each adapter's."""
    several = len(evidence.by_adapter) > 1
    only = "" if several else next(iter(evidence.by_adapter), "")
    for stage in STAGES:
        if stage in evidence.stages:
            yield stage, "" if stage == "assigned" else only, evidence.stages[stage]
    for adapter, stages in evidence.by_adapter.items():
        for stage in STAGES[1:]:
            if several and stage in stages:
                yield stage, adapter, stages[stage]


def _comparable(question: Question, arm: str, stage: Stage) -> bool:
    changed = variables_in(question.variables.get(arm))
    return arm in question.shares and question.dealt(arm) and not _MAY_DIFFER[stage] & changed


def check_placebo(question: Question, evidence: Evidence) -> tuple[PlaceboCheck | None, Alike | None]:
    """The placebo's rate over the arms that cannot change it, and its watch; None with fewer than two of them."""
    placebo = evidence.placebo
    if placebo is None:
        return None, None
    reasons, left_out = placebo_arms(placebo.tallies, question.variables)
    alike = [arm for arm in question.arms if arm in reasons and question.dealt(arm)]
    counts = {arm: (placebo.tallies[arm].total, placebo.tallies[arm].count) for arm in alike}
    counted = {arm: pair for arm, pair in counts.items() if pair[1] >= 1}
    if len(counted) < 2:
        return None, evidence.watch.placebo
    watch = (evidence.watch.placebo or Alike()).look(list(counts.values()))
    check = PlaceboCheck(
        placebo.metric, rates_alike(list(counted.values())), watch.odds, watch.highest, placebo.label, placebo.why,
        {arm: reasons[arm] for arm in counted}, left_out,
    )  # fmt: skip
    return check, watch
