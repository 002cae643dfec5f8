"""What the simulated provider reports of a call or a message, and when its reports become known.

A report's key is the call's (or message's) key, how often it was placed when that is more than once, and
the report's own word: `exp/ann/1#ended`, `exp/ann/1#2#ended`. A report that comes twice has one key.
"""

import json
import math

from engine.core.events import Kind
from engine.core.outcomes import ORDERED
from engine.core.treatments import Disposition
from engine.telephony.adapter import DialRequest, MessageRequest
from engine.telephony.assumptions import Assumptions
from engine.telephony.book import Entry, Report
from engine.telephony.chance import Chance
from engine.telephony.population import HOUR, SECOND, Ending, Journey

CONVERSION_EVENT = "conversion_event"  # the variable of a request that names the conversion's event
FRIEND_ADDED = "friend_added"

_RINGING, _ANSWERED, _ENDED = Kind.RINGING.value, Kind.ANSWERED.value, Kind.ENDED.value
_CONVERTED, _COMPLAINED = Kind.CONVERTED.value, Kind.COMPLAINED.value
_SENT, _DELIVERED = Kind.MESSAGE_SENT.value, Kind.MESSAGE_DELIVERED.value
_FAILED, _OPENED = Kind.MESSAGE_FAILED.value, Kind.LINK_OPENED.value
_WORDS = {disposition: disposition.value for disposition in Disposition}
_SOON = 300_000  # from the request to the first ring, in microseconds


class Reporter:
    """Turns what happens into reports."""

    def __init__(self, assumed: Assumptions, chance: Chance) -> None:
        self._assumed, self._chance = assumed, chance
        self._untidy = bool(assumed.late or assumed.repeats or assumed.disorder)

    def call(self, request: DialRequest, ending: Ending, at: int, times: int) -> Entry:
        """All reports of the call that is placed at `at`, for the `times`th time."""
        call = request.call
        stem = call if times == 1 else f"{call}#{times}"
        identity = f"sim-{self._chance.word('identity', stem)}"
        answered = at + ending.ring
        ended = answered + round(ending.seconds * 10) * (SECOND // 10)
        price = math.ceil(ending.seconds / 60) * self._assumed.cost_per_minute if ending.seconds else 0.0
        reports = [
            Report(
                ended, stem + "#ended", _ENDED, ended, call, identity, _WORDS[ending.disposition],
                ending.seconds, price, ending.intent, ending.opt_out, ending.block, ending.early,
                json.dumps(ending.questions, ensure_ascii=False) if ending.questions else "",
            )
        ]  # fmt: skip
        if self._assumed.progress:
            reports[:0] = self._progress(stem, call, identity, at, answered if ending.seconds else None)
        converts = None if ending.converts is None else ended + ending.converts
        if converts is not None:
            reports += self._later(request, stem, identity, ending, ended, converts)
        if ending.complains is not None:
            moment = ended + ending.complains
            reports.append(Report(moment, stem + "#complained", _COMPLAINED, moment, call, identity))
        return Entry(call, "", identity, at, converts, self._untidied(reports))

    def message(self, request: MessageRequest, journey: Journey, at: int, times: int) -> Entry:
        """All reports of the message that is accepted at `at`, for the `times`th time."""
        stem = request.key if times == 1 else f"{request.key}#{times}"
        identity = f"sim-{self._chance.word('identity', stem)}"
        steps = (
            (_SENT, journey.sent, self._assumed.cost_per_message),
            (_DELIVERED, journey.delivered, 0.0),
            (_FAILED, journey.failed, 0.0),
            (_OPENED, journey.opened, 0.0),
        )
        reports = [
            Report(at + span, f"{stem}#{kind}", kind, at + span, request.call, identity, cost=cost)
            for kind, span, cost in steps
            if span is not None
        ]
        return Entry(request.call, request.key, identity, at, None, self._untidied(reports))

    def _progress(self, stem: str, call: str, identity: str, at: int, answered: int | None) -> list[Report]:
        rings = at + _SOON
        reports = [Report(rings, stem + "#ringing", _RINGING, rings, call, identity)]
        if answered is not None:
            reports.append(Report(answered, stem + "#answered", _ANSWERED, answered, call, identity))
        return reports

    def _later(
        self, request: DialRequest, stem: str, identity: str, ending: Ending, ended: int, converts: int
    ) -> list[Report]:
        """The conversion and the order; where the conversion is an order, it is the only one."""
        event = request.variables.get(CONVERSION_EVENT, FRIEND_ADDED)
        call, value = request.call, ending.value if event == ORDERED else 0.0
        reports = [Report(converts, stem + "#converted", _CONVERTED, converts, call, identity, name=event, value=value)]
        if ending.orders is not None and event != ORDERED:
            moment = ended + ending.orders
            reports.append(
                Report(
                    moment, stem + "#ordered", _CONVERTED, moment, call, identity, name=ORDERED,
                    value=ending.value,
                )
            )  # fmt: skip
        return reports

    def _untidied(self, reports: list[Report]) -> list[Report]:
        """The reports as they come: some late, some overtaken, some twice."""
        if not self._untidy:
            return reports
        assumed, coming = self._assumed, []
        for report in reports:
            chance = self._chance.eight("report", report.key)
            known = report.at
            if chance[0] < assumed.late:
                known += round(chance[1] * HOUR)
            if chance[2] < assumed.disorder:
                known += round((1 + 119 * chance[3]) * SECOND)
            coming.append(report._replace(known=known))
            if chance[4] < assumed.repeats:
                coming.append(report._replace(known=known + round((1 + 599 * chance[5]) * SECOND)))
        return coming
