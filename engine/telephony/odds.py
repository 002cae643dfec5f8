"""What each arm's people do, as thresholds of uniform numbers: the planted truth.

A planted effect is an absolute lift of a metric's rate over everybody who was called at least once. A
rate that has no planted effect follows from what comes before it: more friends bring more orders.
Connect is counted over two attempts, with calls spread evenly over the hours of `DAYTIME`.

People are of two kinds. The receptive (`RECEPTIVE` of all) answer the first call whatever the hour, and
friends are found among them alone: so that an arm's conversion rate is exact over its list, and nobody's
answering depends on the arm unless a connect lift is planted, which moves the others.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.core.combinations import arms_of, holds
from engine.core.experiments import DELAY, EFFECTS
from engine.errors import InputError, did_you_mean
from engine.telephony.assumptions import Assumptions

RECEPTIVE = 0.35
FATIGUE = 0.75  # each attempt's chance to be answered, relative to the one before
DAYTIME = range(9, 20)

# How readily people who are not receptive answer, by the hour of their day; evenings are best.
_READINESS = (
    0.30, 0.25, 0.25, 0.25, 0.25, 0.30, 0.40, 0.60, 0.75, 0.85, 0.95, 1.00,
    0.85, 0.80, 0.95, 1.00, 1.00, 1.05, 1.25, 1.30, 1.20, 0.95, 0.60, 0.40,
)  # fmt: skip
_MEAN = sum(_READINESS[hour] for hour in DAYTIME) / len(DAYTIME)
READINESS = tuple(each / _MEAN for each in _READINESS)
EVEN = (1.0,) * 24


class Odds(NamedTuple):
    """One arm's thresholds.

    `friend` is of everybody; `pickup` of a call to somebody who is neither receptive nor out of reach;
    `yes` and `early` of the reached who are no friends; `opt_out` of the reached who do not say yes;
    `complaint` of the reached; `order` of the friends. `delay` multiplies the time to the conversion.
    """

    friend: float
    pickup: float
    yes: float
    early: float
    opt_out: float
    complaint: float
    order: float
    delay: float


class Arms:
    """Every arm's odds, and the shares of people whom no arm reaches.

    `truth` is experiment → arm → effect → lift; a bare number is a conversion lift. Raises InputError
    where the assumptions or the truth ask for what cannot be.
    """

    def __init__(self, assumptions: Assumptions, truth: Mapping[str, Any]) -> None:
        self._assumed = assumptions
        self.readiness = READINESS if assumptions.hour_effect else EVEN
        self._permanent = assumptions.machine + assumptions.invalid
        pickup = self._base_pickup()
        lost = self._out_of_reach(pickup)
        self.out_of_reach = lost
        self.invalid = lost * assumptions.invalid / self._permanent if self._permanent else 0.0
        self.base = self._odds("the settings", {}, pickup)
        self._lifts = {
            experiment: {
                arm: _lifts(f"truth of {experiment}/{arm}", effects)
                for arm, effects in _mapping(f"truth of {experiment}", arms).items()
            }
            for experiment, arms in _mapping("truth", truth).items()
        }
        self._planted = {
            (experiment, arm): self._combined(experiment, arm)
            for experiment, arms in self._lifts.items()
            for arm in arms
        }

    def odds(self, experiment: str, arm: str) -> Odds:
        """The odds of this arm, or of this combination of arms."""
        known = self._planted.get((experiment, arm))
        if known is None:
            known = self._planted[experiment, arm] = self._combined(experiment, arm)
        return known

    def _combined(self, experiment: str, arm: str) -> Odds:
        """The odds of an arm by itself, or of a combination: the lifts of all that is planted in it, added up."""
        planted = self._lifts.get(experiment, {})
        within = [lifts for name, lifts in planted.items() if name == arm or holds(arm, arms_of(name) or (name,))]
        if not within:
            return self.base
        lifts: dict[str, float] = {}
        for one in within:
            for name, lift in one.items():
                lifts[name] = lifts.get(name, 1.0) * lift if name == DELAY else lifts.get(name, 0.0) + lift
        return self._odds(f"truth of {experiment}/{arm}", lifts, None)

    def friend(self, odds: Odds, hour: int) -> float:
        """The share of everybody called at this local hour who become friends."""
        if not self._assumed.drift:
            return odds.friend
        swing = max(-1.0, min(1.0, (hour - 14) / 5))  # sums to nothing over DAYTIME
        return odds.friend + self._assumed.conversion * self._assumed.drift * swing

    def _odds(self, place: str, lifts: Mapping[str, float], pickup: float | None) -> Odds:
        """The thresholds that give the base rates plus the lifts over the list."""
        assumed = self._assumed
        base_reached, base_friend = assumed.connect, assumed.conversion
        reached = base_reached + lifts.get("connect", 0.0)
        friend = base_friend + lifts.get("conversion", 0.0)
        swing = base_friend * assumed.drift
        if not 0 <= friend - swing <= friend + swing <= RECEPTIVE:
            raise InputError(f"{place}: a conversion of {friend:.2%} is outside 0% to {RECEPTIVE:.0%}")
        delay = lifts.get("delay", 1.0)
        if not 0 < delay <= 100:
            raise InputError(f"{place}: delay is {delay:g}; write how many times longer, such as 2")

        def share(name: str, base: float, base_of: float, of: float) -> float:
            """The share of `of` that makes the list's rate `base` plus its lift, or the base's own share."""
            total, among = (base + lifts[name], of) if name in lifts else (base, base_of)
            if total < -1e-12 or total > among + 1e-12:
                raise InputError(f"{place}: {name} would be {total:.2%} of the list, of {among:.2%} possible")
            return max(0.0, min(1.0, total / among)) if among > 0 else 0.0

        others, base_others = reached - friend, base_reached - base_friend
        talked = friend if "intent" in lifts else base_friend
        base_yes = base_friend + assumed.intent * base_others
        yes = share("intent", base_yes - talked, base_others, others)
        early = share("early_hangup", assumed.early_hangup * base_others, base_others, others)
        if yes + early > 1 + 1e-9:
            raise InputError(f"{place}: intent and early_hangup together are more than the people reached")
        base_no = base_others * (1 - assumed.intent)
        return Odds(
            friend=friend,
            pickup=self._pickup(place, reached) if pickup is None else pickup,
            yes=yes,
            early=early,
            opt_out=share("opt_out", assumed.opt_out * base_reached, base_no, others * (1 - yes)),
            complaint=share("complaint", assumed.complaint * base_reached, base_reached, reached),
            order=share("order", base_friend * assumed.ordered, base_friend, friend),
            delay=delay,
        )

    def _answered(self, pickup: float) -> tuple[float, float]:
        """How many of the others answer their first and their second call, at this pickup."""
        first = [min(1.0, pickup * self.readiness[hour]) for hour in DAYTIME]
        second = [min(1.0, FATIGUE * pickup * self.readiness[hour]) for hour in DAYTIME]
        return sum(first) / len(first), sum(second) / len(second)

    def _out_of_reach(self, pickup: float) -> float:
        """The share of the list behind machines and dead numbers, so that they are their share of the
        first calls that nobody answers."""
        missed = 1 - self._answered(pickup)[0]
        return self._permanent * (1 - RECEPTIVE) * missed / (1 - self._permanent * (1 - missed))

    def _reached(self, pickup: float, lost: float) -> float:
        first, second = self._answered(pickup)
        return RECEPTIVE + (1 - RECEPTIVE - lost) * (1 - (1 - first) * (1 - second))

    def _base_pickup(self) -> float:
        wanted = self._assumed.connect
        if wanted < RECEPTIVE:
            raise InputError(
                f"settings of the simulated adapter: connect: {wanted:.2%} is less than {RECEPTIVE:.0%}, "
                "the share of people who always answer"
            )
        return self._bisect(lambda pickup: self._reached(pickup, self._out_of_reach(pickup)), wanted)

    def _pickup(self, place: str, wanted: float) -> float:
        lost = self.out_of_reach
        most = 1 - lost
        if not RECEPTIVE - 1e-12 <= wanted <= most + 1e-12:
            raise InputError(f"{place}: a connect of {wanted:.2%} is outside {RECEPTIVE:.0%} to {most:.2%}")
        return self._bisect(lambda pickup: self._reached(pickup, lost), wanted)

    def _bisect(self, reached: Callable[[float], float], wanted: float) -> float:
        low, high = 0.0, 1 / (FATIGUE * min(self.readiness[hour] for hour in DAYTIME))
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if reached(middle) < wanted else (low, middle)
        return (low + high) / 2


def _lifts(place: str, effects: Any) -> dict[str, float]:
    """Effect → lift of what is planted at a place; raises InputError for what cannot be."""
    if isinstance(effects, int | float) and not isinstance(effects, bool):
        effects = {"conversion": effects}
    lifts = {}
    for name, value in _mapping(place, effects).items():
        if name not in EFFECTS:
            raise InputError(f"{place}: no effect is called {name!r}{did_you_mean(str(name), EFFECTS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{place}: {name} is {value!r}; write a lift such as 0.03")
        lifts[name] = float(value)
    return lifts


def _mapping(place: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: {value!r} is not a mapping of names to lifts")
    return value
