"""The simulated people: who answers, how long they listen, what they say, and what they do later.

What a person does is a function of the seed, the person's key, the attempt and the arm's odds. A person
has the same numbers in every arm, so that two arms differ only where their odds do.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

from engine.core.treatments import Disposition
from engine.telephony.adapter import DialRequest
from engine.telephony.assumptions import Assumptions
from engine.telephony.chance import Chance
from engine.telephony.dialogue import PLAIN_SECONDS, Spoken, asked, speak, unknown_to
from engine.telephony.odds import FATIGUE, RECEPTIVE, Arms, Odds

SECOND = 1_000_000  # every span is in whole microseconds
HOUR = 3600 * SECOND
DELAY_SPREAD = 0.8  # of the logarithm of the time to a conversion; at a median of 6h 99.9% lie within 72h
ORDER_SPREAD = 0.5  # of the logarithm of an order's value
SOONEST_CONVERSION = 600 * SECOND
YES_TAKES = 12.0  # seconds of talk after the script, on average
EARLIEST = 1.5  # the fewest seconds of a talk
MESSAGE_TAKES = 20 * SECOND  # at most, from the request to the delivery

# How long it rings before each ending: the shortest and the longest, in seconds.
_RINGS = {
    Disposition.ANSWERED_HUMAN: (4, 20),
    Disposition.ANSWERED_MACHINE: (12, 22),
    Disposition.BUSY: (1, 4),
    Disposition.REJECTED: (3, 12),
    Disposition.UNREACHABLE: (2, 6),
    Disposition.INVALID_NUMBER: (1, 3),
}
_normal = NormalDist().inv_cdf


class Ending(NamedTuple):
    """How a call ends. `ring` is from the request, and the other spans are from the call's end.

    `converts`, `orders` and `complains` are None for people who never do.
    """

    disposition: Disposition
    ring: int
    seconds: float = 0.0
    block: str = ""
    early: bool = False
    intent: bool | None = None
    opt_out: bool = False
    questions: tuple[str, ...] = ()
    converts: int | None = None
    orders: int | None = None
    value: float = 0.0
    complains: int | None = None


class Journey(NamedTuple):
    """When a message is sent, delivered and opened, from the request on; None for what never happens."""

    sent: int
    delivered: int | None
    failed: int | None
    opened: int | None


class Population:
    """Everybody who can be called."""

    def __init__(self, assumed: Assumptions, arms: Arms) -> None:
        self._assumed, self._arms = assumed, arms
        self._chance = Chance(assumed.seed)
        share = assumed.no_answer + assumed.busy + assumed.unreachable + assumed.rejected
        self._busy = assumed.busy / share
        self._unreachable = self._busy + assumed.unreachable / share
        self._rejected = self._unreachable + assumed.rejected / share
        self._delay = assumed.conversion_delay.total_seconds() * SECOND
        others = 1 - RECEPTIVE
        self._invalid = arms.invalid / others
        self._out_of_reach = arms.out_of_reach / others
        self._patience = _patience(assumed)

    def ring(self, request: DialRequest, hour: int) -> Ending:
        """How this call ends when it is placed at this hour of the contact's day."""
        contact = request.contact or request.to
        person = self._chance.eight("person", contact)
        call = self._chance.eight("call", contact, request.attempt)
        odds = self._arms.odds(request.experiment, request.arm)
        missed = self._missed(person, call, odds, request.attempt, hour)
        if missed is None:
            return self._talk(request, person, call, odds, hour)
        limit = _longest(request)
        seconds = round(3 + 5 * call[3], 1) if missed is Disposition.ANSWERED_MACHINE else 0.0
        return Ending(missed, _ring(missed, call[2], limit), seconds)

    def _missed(
        self, person: list[float], call: list[float], odds: Odds, attempt: int, hour: int
    ) -> Disposition | None:
        """Why nobody is reached; None when the person answers."""
        if person[0] < RECEPTIVE:
            return None
        if person[1] < self._out_of_reach:
            return Disposition.INVALID_NUMBER if person[1] < self._invalid else Disposition.ANSWERED_MACHINE
        if call[0] < odds.pickup * FATIGUE ** max(0, attempt - 1) * self._arms.readiness[hour]:
            return None
        if call[1] < self._busy:
            return Disposition.BUSY
        if call[1] < self._unreachable:
            return Disposition.UNREACHABLE
        return Disposition.REJECTED if call[1] < self._rejected else Disposition.NO_ANSWER

    def _talk(self, request: DialRequest, person: list[float], call: list[float], odds: Odds, hour: int) -> Ending:
        friend = person[0] < self._arms.friend(odds, hour)
        yes = friend or person[2] < odds.yes
        early = not yes and person[2] >= 1 - odds.early
        spoken = speak(request.script)
        seconds = self._listens(spoken, yes, early, call[3])
        seconds = round(min(seconds, request.talk_limit.total_seconds()), 1)
        questions: tuple[str, ...] = ()
        if not early and (said := asked(spoken.language, call[4], call[5])):
            unknown = unknown_to(tuple(request.answers))
            questions = tuple(question for question in said if question in unknown)
        limit = _longest(request)
        ending = Ending(
            Disposition.ANSWERED_HUMAN,
            _ring(Disposition.ANSWERED_HUMAN, call[2], limit),
            seconds,
            spoken.block_at(seconds),
            early,
            yes,
            not yes and person[3] < odds.opt_out,
            questions,
            complains=round((1 + 23 * call[6]) * HOUR) if person[4] < odds.complaint else None,
        )
        return self._befriend(ending, person, call, odds) if friend else ending

    def _listens(self, spoken: Spoken, yes: bool, early: bool, chance: float) -> float:
        """The talk time in seconds: a yes hears the whole script, a no leaves somewhere."""
        if yes:
            return spoken.seconds + YES_TAKES * (0.5 + chance)
        if early:
            return EARLIEST + (9.9 - EARLIEST) * chance
        return min(10 - self._patience * math.log(1 - chance), spoken.seconds + YES_TAKES)

    def _befriend(self, ending: Ending, person: list[float], call: list[float], odds: Odds) -> Ending:
        delay = self._delay * odds.delay * math.exp(DELAY_SPREAD * _spread(person[7]))
        converts = max(SOONEST_CONVERSION, round(delay / 1000) * 1000)  # to the millisecond, on any machine
        value = self._assumed.order_value * math.exp(ORDER_SPREAD * _spread(person[6]) - ORDER_SPREAD**2 / 2)
        orders = converts + round((0.05 + 1.95 * call[7]) * HOUR) if person[5] < odds.order else None
        return ending._replace(converts=converts, orders=orders, value=round(value, 2))

    def read(self, key: str, left: int | None) -> Journey:
        """What becomes of a message; `left` is how long until the person converts, None for who never does.

        A friend's message is delivered and opened before the conversion, where that is still to come.
        """
        chance = self._chance.eight("message", key)
        sent = round((1 + 2 * chance[0]) * SECOND)
        delivered = sent + round((1 + 8 * chance[1]) * SECOND)
        opened = delivered + round(15 * SECOND + 2 * HOUR * chance[2] ** 3)
        if left is None:
            if chance[3] >= self._assumed.delivered:
                return Journey(sent, None, delivered, None)
            return Journey(sent, delivered, None, opened if chance[4] < self._assumed.opens else None)
        if left > MESSAGE_TAKES:
            opened = delivered + round((left - delivered) * 0.9 * chance[2])
        elif left > 3:
            sent, delivered, opened = left // 4, left // 3, left // 2
        return Journey(sent, delivered, None, opened)


def _patience(assumed: Assumptions) -> float:
    """The mean seconds, after the first ten, that people who say no would listen to a script without end.

    With it the talk takes `talk` on average when the script takes `PLAIN_SECONDS`, or as near to that as
    the people who say yes and who hang up early leave it.
    """
    others = 1 - assumed.conversion / assumed.connect
    yes = 1 - others * (1 - assumed.intent)
    early = others * assumed.early_hangup
    most = PLAIN_SECONDS + YES_TAKES - 10
    low, high = 0.01, 10_000.0
    for _ in range(60):
        middle = (low + high) / 2
        no = 10 - middle * math.expm1(-most / middle)
        mean = yes * (most + 10) + early * (EARLIEST + 9.9) / 2 + (1 - yes - early) * no
        low, high = (middle, high) if mean < assumed.talk.total_seconds() else (low, middle)
    return (low + high) / 2


def _longest(request: DialRequest) -> int:
    """How long this call may ring: what it asks for, between a second and five minutes."""
    return round(max(1.0, min(300.0, request.ring_timeout.total_seconds())) * SECOND)


def _ring(disposition: Disposition, chance: float, limit: int) -> int:
    """How long it rings, at most as long as the request allows; a call that rings out rings to the limit."""
    if disposition is Disposition.NO_ANSWER:
        return limit
    least, most = _RINGS[disposition]
    return min(limit, round((least + (most - least) * chance) * SECOND))


def _spread(chance: float) -> float:
    """A standard normal number from a uniform one."""
    return _normal(min(max(chance, 1e-15), 1 - 1e-15))
