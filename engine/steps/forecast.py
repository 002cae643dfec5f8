"""What a campaign will take: calls, days inside the windows, and the choice of waves between the two.

Calls spent are those that had matured when the race was decided, and those that went out while their conversions
were awaited. Small waves spend few calls and many days; all at once is soon over and can save nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.core.calls import window_of
from engine.core.evidence import AUDIENCE
from engine.core.experiments import CONTROL, Experiment
from engine.core.metrics import METRICS
from engine.core.treatments import Treatment
from engine.steps.parts import may_drop, number_of_parts, people_of_part
from engine.steps.size import fixed_sample

if TYPE_CHECKING:
    from engine.stats.roots import Array
    from engine.stats.trials import Trials

# What calls come to where the provider's own assumptions are not known.
REACHED_FIRST = 0.60  # contacts reached by the first attempt
TALK_SECONDS, RING_SECONDS = 35.0, 18.0
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
CLOCK = ("UTC",)
MOST_WEEKS = 5_000
WEEK = timedelta(days=7)
SEED = 1
LOOKS = 20  # looks per fixed sample where calls go out in one stream


@dataclass(frozen=True, slots=True)
class WaveChoice:
    """One way to call in waves, or all in one stream (`off`): what it spends until a race of useless arms is decided,
    and until one with an arm that has the smallest useful lift is. `per_wave` are people while every arm is living.

    Days are None where calls at this pace would take longer than a lifetime.
    """

    choice: str
    per_wave: int
    calls_no_effect: int
    calls_with_lift: int
    days_no_effect: float | None
    days_with_lift: float | None
    power: float


def calls_each(treatment: Treatment) -> float:
    """Calls that one contact of a treatment is expected to take."""
    missed = 1 - REACHED_FIRST
    return float(sum(missed**attempt for attempt in range(treatment.redial.attempts)))


def per_second(experiment: Experiment) -> float:
    """Calls a second: the pace, or what may be in flight over how long a call takes."""
    occupied = RING_SECONDS + REACHED_FIRST * TALK_SECONDS
    return min(experiment.pace.per_second, experiment.pace.concurrent / occupied)


def people_awaited(experiment: Experiment, each: float) -> float:
    """People who are called, `each` so often, while the conversions of one are awaited."""
    return per_second(experiment) * _weekly(experiment) * (experiment.conversion.within / WEEK) / each


def _weekly(experiment: Experiment) -> float:
    """Seconds a week in which the control's window is open."""
    window = window_of(experiment, experiment.control)
    return 60.0 * sum(end - start for start, end in window.hours.spans) * len(window.days)


def days_of_parts(experiment: Experiment, parts: Sequence[float]) -> list[float | None]:
    """Days from the first open minute of a week until each part's people had their time to convert.

    `parts` are calls; each begins when the one before is mature, inside the control's window.
    """
    window = window_of(experiment, experiment.control)
    began = window.next_open(MONDAY, CLOCK)
    found: list[float | None] = []
    now = began
    for calls in parts:
        if now is not None:
            now = _called(experiment, now, calls)
        if now is None or began is None:
            found.append(None)
            continue
        mature = now + experiment.conversion.within
        found.append((mature - began) / timedelta(days=1))
        now = window.next_open(mature, CLOCK)
    return found


def _called(experiment: Experiment, begin: datetime, calls: float) -> datetime | None:
    """When so many calls are placed that begin at an open instant; None in a lifetime."""
    window = window_of(experiment, experiment.control)
    left = calls / per_second(experiment)
    weekly = _weekly(experiment)
    weeks = int(left // weekly)
    if weeks > MOST_WEEKS:
        return None
    now, left = begin + weeks * WEEK, left - weeks * weekly
    while True:
        closes = window.closes(now, CLOCK)
        if left <= (closes - now).total_seconds():
            return now + timedelta(seconds=left)
        left -= (closes - now).total_seconds()
        after = window.next_open(closes, CLOCK)
        if after is None:
            return None
        now = after


def wave_choices(experiment: Experiment, per_arm: Mapping[str, int]) -> tuple[WaveChoice, ...]:
    """The waves that a race may be called in over this roster, small ones first; empty where nothing may be dropped.

    Both truths are played with the same draws in every choice.
    """
    dealt = [arm for arm, change in experiment.arms.items() if AUDIENCE not in change]
    people = sum(per_arm[arm] for arm in (CONTROL, *dealt))
    if not may_drop(experiment) or experiment.decision.method != "sequential" or people < len(dealt) + 1:
        return ()
    each = sum(per_arm[arm] * calls_each(experiment.treatments[arm]) for arm in (CONTROL, *dealt)) / people
    fixed = fixed_sample(experiment)
    asked: dict[str, str | int] = {"eighth": round(fixed / 8), "quarter": round(fixed / 4), "auto": "auto"}
    own = experiment.pace.waves
    if isinstance(own, int):
        asked["own"] = own
    ways = [_choice(experiment, name, waves, people, len(dealt), each) for name, waves in asked.items()]
    ways.append(_stream(experiment, people, len(dealt), each))
    return tuple(sorted(ways, key=lambda way: (way.choice == "off", way.per_wave)))


def _trials(experiment: Experiment, waves: str | int, people: int, arms: int, lift: float) -> "Trials":
    """Races over these people in these waves; the first arm has the lift, if any."""
    from engine.stats.lanes import RacePlan
    from engine.stats.needs import runs_for
    from engine.stats.trials import Truth, race_trials

    size, decision = experiment.size, experiment.decision
    baseline = size.baseline if METRICS[experiment.metrics.primary].better == "higher" else 1 - size.baseline
    useful = decision.smallest_useful_lift.points(size.baseline)
    plan = RacePlan(arms + 1, useful, baseline, decision.alpha / 2, size.power)
    truth = Truth((baseline, min(baseline + lift, 1.0), *([baseline] * (arms - 1))), seed=SEED)
    asked = in_these_waves(experiment, waves)

    def batch(look: int, living: "Array") -> "Array | float":
        wave = people_of_part(asked, look) * (1 - experiment.audience.holdout)
        return wave / living if waves == experiment.pace.waves and isinstance(waves, int) else wave / (arms + 1)

    return race_trials(plan, truth, batch, people, runs_for(arms))


def in_these_waves(experiment: Experiment, waves: str | int) -> Experiment:
    """The experiment, called in other waves."""
    return experiment.model_copy(update={"pace": experiment.pace.model_copy(update={"waves": waves})})


def _choice(experiment: Experiment, name: str, waves: str | int, people: int, arms: int, each: float) -> WaveChoice:
    """Calls in waves: every wave has had its time before the next one goes out, so that nothing is spent beside it."""
    asked = in_these_waves(experiment, waves)
    sizes = [people_of_part(asked, number) for number in range(number_of_parts(asked, people) + 1)]
    days = days_of_parts(experiment, [min(size, people) * each for size in sizes])
    return _way(experiment, (name, round(sizes[-1])), (waves, people, arms), days, each, awaited=0.0)


def _stream(experiment: Experiment, people: int, arms: int, each: float) -> WaveChoice:
    """All calls in one stream: what goes out while conversions are awaited is spent too."""
    part = max(arms + 1, fixed_sample(experiment) // LOOKS)
    ends = [min(part * (number + 1), people) for number in range(-(-people // part))]
    days = [days_of_parts(experiment, [end * each])[0] for end in ends]
    return _way(experiment, ("off", people), (part, people, arms), days, each, people_awaited(experiment, each))


def _way(
    experiment: Experiment,
    named: tuple[str, int],
    race: tuple[str | int, int, int],
    days: Sequence[float | None],
    each: float,
    awaited: float,
) -> WaveChoice:
    """One way to call, played without an effect and with the smallest useful lift; `days` after each look."""
    waves, people, arms = race
    useful = experiment.decision.smallest_useful_lift.points(experiment.size.baseline)
    nothing, something = (_trials(experiment, waves, people, arms, lift) for lift in (0.0, useful))

    def calls(played: "Trials") -> int:
        return round(float((played.contacts + awaited).clip(max=people).mean()) * each)

    def took(played: "Trials") -> float | None:
        return _mean([days[min(looks, len(days)) - 1] for looks in played.looks.tolist()])

    return WaveChoice(
        *named, calls(nothing), calls(something), took(nothing), took(something), float(something.won[:, 0].mean())
    )


def _mean(days: Sequence[float | None]) -> float | None:
    known = [day for day in days if day is not None]
    return round(sum(known) / len(known), 2) if len(known) == len(days) else None
