"""Which combination a contact of a factorial round draws: one level of every variable, so that each call informs all.

Every variable is dealt by permuted blocks of its own over the same order of contacts: its levels stand at their shares
at every moment, whatever the other variables do, and the blocks of two variables are permuted independently, so that
each level meets the same mixture of the others. Variables that an exclusion ties together are dealt as one, in blocks
of their allowed combinations.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import product
from math import prod

from engine.core.assignment import Assignment, block_of, permuted, seated
from engine.core.combinations import combined
from engine.core.experiments import CONTROL, HOLDOUT, Experiment

MOST_TIED = 10_000  # combinations of variables that exclusions tie together, the excluded among them
CALLED = "called"
Drawn = Mapping[str, str]  # variable → arm, `control` for the control's own level


@dataclass(frozen=True, slots=True)
class Deck:
    """Variables that are dealt together, and the share of each of their allowed combinations; the shares sum to 1."""

    variables: tuple[str, ...]
    shares: Mapping[tuple[str, ...], float]

    def share_of(self, variable: str, within: Collection[tuple[str, ...]] | None = None) -> dict[str, float]:
        """Per level of a variable the share of everybody who draws it in a combination `within`, or in any."""
        place = self.variables.index(variable)
        found: dict[str, float] = {}
        for cell, share in self.shares.items():
            if within is None or cell in within:
                found[cell[place]] = found.get(cell[place], 0.0) + share
        return found


def options(experiment: Experiment, variable: str) -> tuple[str, ...]:
    """The levels of a variable, the control's own first."""
    return (CONTROL, *experiment.levels[variable])


def allowed(experiment: Experiment, drawn: Drawn) -> bool:
    """Whether no exclusion forbids these levels; a variable that is not named is at the control's."""
    return not any(
        all(drawn.get(variable, CONTROL) == arm for variable, arm in excluded.items())
        for excluded in experiment.exclude
    )


def ties(experiment: Experiment) -> list[tuple[str, ...]]:
    """The variables in groups: those that exclusions tie together, directly or through others, in one."""
    groups = [{variable} for variable in experiment.levels]
    for excluded in experiment.exclude:
        touched = [group for group in groups if group & excluded.keys()]
        groups = [group for group in groups if group not in touched] + ([set().union(*touched)] if touched else [])
    ordered = [tuple(variable for variable in experiment.levels if variable in group) for group in groups]
    return sorted(ordered, key=lambda group: list(experiment.levels).index(group[0]))


def tied(experiment: Experiment, group: tuple[str, ...]) -> int:
    """How many combinations a group of variables has, the excluded among them."""
    return prod(len(options(experiment, variable)) for variable in group)


def decks(experiment: Experiment, resting: Collection[str] = ()) -> tuple[Deck, ...]:
    """What is dealt to each contact. Levels in `resting` are left out.

    Each allowed combination has the share that it would have without exclusions, in proportion: so two levels meet
    the same mixture of the others wherever both are allowed. Keeping the margins at the levels' shares instead would
    leave too few people where an excluded level can be compared.
    """
    return tuple(_deck(experiment, group, resting) for group in ties(experiment))


def _deck(experiment: Experiment, group: tuple[str, ...], resting: Collection[str]) -> Deck:
    living = [[arm for arm in options(experiment, variable) if arm not in resting] for variable in group]
    shares = [one_variable(experiment, variable).all_shares for variable in group]
    weights = {
        cell: prod(share[arm] for share, arm in zip(shares, cell, strict=True))
        for cell in product(*living)
        if allowed(experiment, dict(zip(group, cell, strict=True)))
    }
    whole = sum(weights.values())
    return Deck(group, {cell: weight / whole for cell, weight in weights.items()})


def comparable(experiment: Experiment, deck: Deck, variable: str) -> frozenset[tuple[str, ...]]:
    """The combinations of a deck in which every level of the variable could stand beside the other levels there."""
    place = deck.variables.index(variable)
    return frozenset(
        cell
        for cell in deck.shares
        if all(
            allowed(experiment, dict(zip(deck.variables, (*cell[:place], arm, *cell[place + 1 :]), strict=True)))
            for arm in options(experiment, variable)
        )
    )


def shares_compared(experiment: Experiment, variable: str) -> dict[str, float]:
    """Per level of a variable the share of everybody who is called over whom it is compared; less than 1 in all where
    exclusions leave some combinations out."""
    deck = next(deck for deck in decks(experiment) if variable in deck.variables)
    return deck.share_of(variable, comparable(experiment, deck, variable))


def shares_dealt(experiment: Experiment) -> dict[str, float]:
    """Every arm's share of the contacts as they are dealt; what exclusions take from a level goes to the others.

    In a factorial round the control's is the mean of its levels' over the variables.
    """
    shares = experiment.all_shares
    if not experiment.is_factorial:
        return shares
    called = 1 - experiment.audience.holdout
    dealt = [deck.share_of(variable) for deck in decks(experiment) for variable in deck.variables]
    level = {arm: share * called for each in dealt for arm, share in each.items()}
    level[CONTROL] = called * sum(each[CONTROL] for each in dealt) / len(dealt)
    return {arm: level.get(arm, share) for arm, share in shares.items()}


def one_variable(experiment: Experiment, variable: str) -> Experiment:
    """One variable of a factorial round as an experiment of its own, over the same contacts.

    Its share of alpha is that of its levels among all, so that the chance of any false winner in the round is alpha.
    """
    arms = experiment.levels[variable]
    alpha = experiment.decision.alpha * len(arms) / len(experiment.arms)
    declared = {name: getattr(experiment, name) for name in Experiment.model_fields}
    return Experiment.model_construct(
        **declared
        | {
            "arms": {arm: experiment.arms[arm] for arm in arms},
            "design": "one-at-a-time",
            "exclude": [],
            "shares": {},
            "decision": experiment.decision.model_copy(update={"alpha": alpha}),
        }
    )


def extremes(experiment: Experiment) -> tuple[str, str]:
    """The combinations with the highest and the lowest planted conversion, each arm taken by itself."""
    planted = {arm: effects.get("conversion", 0.0) for arm, effects in experiment.planted.items()}
    found = []
    for sign in (1, -1):
        best = [
            max(options(experiment, name), key=lambda arm: sign * planted.get(arm, 0.0)) for name in experiment.levels
        ]
        found.append(combined(arm for arm in experiment.arms if arm in best))
    return found[0], found[1]


def drawn_of(experiment: Experiment, arms: Iterable[str]) -> dict[str, str]:
    """Variable → arm of the combination that takes these arms."""
    taken = set(arms)
    return {
        variable: next((arm for arm in levels if arm in taken), CONTROL)
        for variable, levels in experiment.levels.items()
    }


def deal_combinations(
    experiment: Experiment,
    contacts: Iterable[tuple[str, str]],
    dealt: MutableMapping[str, int],
    resting: Collection[str] = (),
) -> Iterator[Assignment]:
    """Deal a combination, or the holdout, to contacts that have none yet, given as (key, stratum) pairs.

    `dealt` counts who has one already per stratum and is carried on. A level that rests is dealt no more: the
    variable's other levels take its places from here on.
    """
    name, order = experiment.name, {arm: place for place, arm in enumerate(experiment.arms)}
    hands = [_Hand(f"{name}/{'+'.join(deck.variables)}", deck.shares) for deck in decks(experiment, resting)]
    holdout = experiment.audience.holdout
    apart = _Hand(f"{name}/{HOLDOUT}", {(HOLDOUT,): holdout, (CALLED,): 1 - holdout}) if holdout else None
    for key, stratum, place in seated(name, contacts, dealt):
        seat = place
        if apart:
            if apart.at(stratum, place) == (HOLDOUT,):
                yield Assignment(name, key, HOLDOUT, stratum, place)
                continue
            seat = apart.before(stratum, place, (CALLED,))
        arms = [arm for hand in hands for arm in hand.at(stratum, seat) if arm != CONTROL]
        yield Assignment(name, key, combined(sorted(arms, key=order.__getitem__)), stratum, place)


class _Hand:
    """Permuted blocks of cells; a fixed function of names."""

    def __init__(self, salt: str, shares: Mapping[tuple[str, ...], float]) -> None:
        self.salt = salt
        self.cells = {str(place): cell for place, cell in enumerate(shares)}
        self.block = block_of({place: shares[cell] for place, cell in self.cells.items()})

    def at(self, stratum: str, place: int) -> tuple[str, ...]:
        """The cell at a place of this stratum's deal."""
        number, within = divmod(place, len(self.block))
        return self.cells[permuted(self.salt, stratum, number, self.block)[within]]

    def before(self, stratum: str, place: int, cell: tuple[str, ...]) -> int:
        """How often a cell stands before a place."""
        name = next(key for key, value in self.cells.items() if value == cell)
        number, within = divmod(place, len(self.block))
        return number * self.block.count(name) + permuted(self.salt, stratum, number, self.block)[:within].count(name)
