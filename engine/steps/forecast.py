"""What a campaign will take: calls, days inside the windows, and the choice of waves between the two.

Calls spent are those that had matured when the race was decided, and those that went out while their conversions
were awaited. Small waves spend few calls and many days; all at once is soon over and can save nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from engine.core.experiments import CONTROL, Experiment
from engine.stats.needs import runs_for
from engine.steps.pacing import calls_each, days_of_parts
from engine.steps.parts import may_drop, number_of_parts, people_of_part
from engine.steps.rehearse import dealt_arms, people_of_look, race, truth_of
from engine.steps.size import fixed_sample

if TYPE_CHECKING:
    from engine.stats.trials import Trials

SEED = 1


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


def wave_choices(experiment: Experiment, per_arm: Mapping[str, int]) -> tuple[WaveChoice, ...]:
    """The waves that a race may be called in over this roster, small ones first; empty where nothing may be dropped.

    Both truths are played with the same draws in every choice.
    """
    dealt = dealt_arms(experiment)
    people = sum(per_arm[arm] for arm in (CONTROL, *dealt))
    if not may_drop(experiment) or experiment.decision.method != "sequential" or people < len(dealt) + 1:
        return ()
    each = sum(per_arm[arm] * calls_each(experiment.treatments[arm]) for arm in (CONTROL, *dealt)) / people
    fixed = fixed_sample(experiment)
    asked: dict[str, str | int] = {"eighth": round(fixed / 8), "quarter": round(fixed / 4), "auto": "auto"}
    own = experiment.pace.waves
    if isinstance(own, int):
        asked["own"] = own
    ways = [_choice(experiment, name, waves, people, each) for name, waves in asked.items()]
    ways.append(_stream(experiment, people, each))
    return tuple(sorted(ways, key=lambda way: (way.choice == "off", way.per_wave)))


def days_of_waves(experiment: Experiment, people: int, done: int) -> float | None:
    """Days that so many people take in the waves after those that are `done`; None in a lifetime."""
    each = calls_each(experiment.control)
    waves = number_of_parts(experiment, people, done)
    sizes = [people_of_part(experiment, done + number) for number in range(waves)]
    return days_of_parts(experiment, [min(size, people) * each for size in sizes])[-1]


def in_these_waves(experiment: Experiment, waves: str | int) -> Experiment:
    """The experiment, called in other waves."""
    return experiment.model_copy(update={"pace": experiment.pace.model_copy(update={"waves": waves})})


def _choice(experiment: Experiment, name: str, waves: str | int, people: int, each: float) -> WaveChoice:
    """Calls in waves: every wave has had its time before the next one goes out, so that nothing is spent beside it."""
    asked = in_these_waves(experiment, waves)
    sizes = [people_of_part(asked, number) for number in range(number_of_parts(asked, people) + 1)]
    days = days_of_parts(experiment, [min(size, people) * each for size in sizes])
    return _way(asked, name, round(sizes[-1]), people, days, each)


def _stream(experiment: Experiment, people: int, each: float) -> WaveChoice:
    """All calls in one stream: what goes out while conversions are awaited is spent too."""
    asked = in_these_waves(experiment, "off")
    part = people_of_look(asked)
    ends = [min(part * (number + 1), people) for number in range(ceil(people / part))]
    days = [days_of_parts(experiment, [end * each])[0] for end in ends]
    return _way(asked, "off", people, people, days, each)


def _way(
    asked: Experiment, name: str, per_wave: int, people: int, days: Sequence[float | None], each: float
) -> WaveChoice:
    """One way to call, played without an effect and with the smallest useful lift; `days` after each look."""
    useful = asked.decision.smallest_useful_lift.points(asked.size.baseline)
    arms = dealt_arms(asked)
    nothing, something = (
        race(asked, people, truth_of(asked, {arms[0]: lift}, SEED), runs_for(len(arms))) for lift in (0.0, useful)
    )

    def calls(played: "Trials") -> int:
        return round(float(played.contacts.mean()) * each)

    def took(played: "Trials") -> float | None:
        return _mean([days[min(looks, len(days)) - 1] for looks in played.looks.tolist()])

    return WaveChoice(
        name, per_wave, calls(nothing), calls(something), took(nothing), took(something),
        float(something.won[:, 0].mean()),
    )  # fmt: skip


def _mean(days: Sequence[float | None]) -> float | None:
    known = [day for day in days if day is not None]
    return round(sum(known) / len(known), 2) if len(known) == len(days) else None
