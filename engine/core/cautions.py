"""What a sound experiment should know of the rules before it starts: not wrong, but not what its author may expect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.core.calls import wishes_of
from engine.core.caps import binding
from engine.core.experiments import CONTROL, Experiment
from engine.core.regions import Bounds, Rulebook, unknown_years
from engine.core.treatments import duration_text
from engine.core.windows import DAYS

TYPICAL = date(2024, 1, 1)  # a Monday


@dataclass(frozen=True, slots=True)
class Caution:
    """One sentence, in both languages, about the value at a trail of the file."""

    trail: tuple[str, ...]
    text: str
    text_zh: str


def bounds_of(experiment: Experiment, arm: str, book: Rulebook, providers: tuple[str, ...]) -> Bounds:
    """What holds for an arm in the experiment's own region, wherever in it a person is."""
    place = book.place(experiment.audience.region, "")
    return book.bounds(place, wishes_of(experiment, experiment.treatments[arm]), providers)


def cautions(
    experiment: Experiment,
    book: Rulebook,
    providers: tuple[str, ...],
    years: Sequence[int],
    imported: Mapping[str, datetime] | None = None,
    now: datetime | None = None,
) -> Iterator[Caution]:
    """What to know of the experiment's own region. `years` are those in which it calls.

    With `imported` and `now` the national lists are looked at too.
    """
    bounds = bounds_of(experiment, CONTROL, book, providers)
    region = experiment.audience.region
    if not book.knows(region):
        yield Caution(
            ("audience", "region"),
            f"no rules are known for {region}: the strictest common default holds there",
            f"没有 {region} 的规则：按最严格的通用默认值执行",
        )
    for place, year in unknown_years(bounds.openings, years):
        yield Caution(
            ("audience", "region"),
            f"the holidays of {place} in {year} are not known, and all its days stay closed; upgrade the packages "
            "chinesecalendar and holidays, or write `holidays: open` where no law closes them",
            f"{place} {year} 年的节假日未知，全年不外呼；"
            "请升级 chinesecalendar 和 holidays，或在法律允许时写 `holidays: open`",
        )
    yield from _consent(experiment, bounds)
    for arm in experiment.treatments:
        own = bounds_of(experiment, arm, book, providers)
        yield from _redial(experiment, arm, own)
        yield from _hours(experiment, arm, own)
    for one in bounds.lists:
        at = (imported or {}).get(one.name)
        if now is not None and (at is None or now - at > timedelta(days=one.days)):
            yield Caution(
                ("audience", "region"),
                f"{region} asks for the do-not-call list {one.name}, imported within {one.days} days: import it with "
                f"`ringlab suppress import FILE --list {one.name}`",
                f"{region} 要求 {one.days} 天内导入的拒呼名单 {one.name}："
                f"请用 `ringlab suppress import FILE --list {one.name}` 导入",
            )


def _consent(experiment: Experiment, bounds: Bounds) -> Iterator[Caution]:
    if not bounds.accepts or experiment.audience.roster or experiment.audience.columns.consent:
        return
    bases = ", and ".join(" or ".join(one) for one in bounds.accepts)
    yield Caution(
        ("audience", "columns"),
        f"a consent is needed ({bases}), and no column tells it: only people whose consent was imported before are "
        "called; name the column with `columns: {consent: …}`",
        f"需要客户同意（{bases}），但没有列说明：只会呼叫此前已导入同意的客户；请用 `columns: {{consent: …}}` 指明该列",
    )


def _redial(experiment: Experiment, arm: str, bounds: Bounds) -> Iterator[Caution]:
    redial = experiment.treatments[arm].redial
    written = arm == CONTROL or "redial" in experiment.arms[arm]
    cap = binding(bounds.caps, redial.attempts, redial.gap)
    if cap is None or not written:
        return
    gap, day = duration_text(redial.gap), duration_text(cap.per)
    ours = experiment.caps is None and any(cap in row.caps and row.is_ours for row in bounds.rows)
    cure = f"`caps: [{{calls: {redial.attempts}, per: {day}}}]` allows them, " if ours else ""
    cure_zh = f"写 `caps: [{{calls: {redial.attempts}, per: {day}}}]` 可放宽，" if ours else ""
    yield Caution(
        ("control" if arm == CONTROL else f"arms.{arm}", "redial"),
        f"{redial.attempts} calls {gap} apart, and a person is called at most {cap}: later calls wait; "
        f"{cure}a gap of {day} keeps to it",
        f"{redial.attempts} 次呼叫间隔 {gap}，而每人最多 {cap.calls} 次/{day}：之后的呼叫会顺延；"
        f"{cure_zh}或把间隔设为 {day}",
    )


def _hours(experiment: Experiment, arm: str, bounds: Bounds) -> Iterator[Caution]:
    """Where an arm names hours of which some are closed."""
    own = experiment.treatments[arm].timing.window
    if own is None or (arm != CONTROL and "timing" not in experiment.arms[arm]):
        return
    wishes = wishes_of(experiment, experiment.treatments[arm])
    typical = bounds.openings.typical()
    cut: dict[str, list[str]] = {}
    for place, name in enumerate(DAYS):
        open_hours = typical.hours_on(TYPICAL + timedelta(days=place))
        if (wishes.days is None or place in wishes.days) and open_hours != own:
            cut.setdefault(str(open_hours), []).append(name)
    if not cut or bounds.openings.never_opens:
        return
    said = "; ".join(f"{', '.join(days)}: {hours or 'closed'}" for hours, days in cut.items())
    said_zh = "；".join(f"{', '.join(days)}：{hours or '不外呼'}" for hours, days in cut.items())
    yield Caution(
        ("control" if arm == CONTROL else f"arms.{arm}", "timing"),
        f"the window {own} is cut by the rules of the region: {said}",
        f"时段 {own} 受该地区规则限制：{said_zh}",
    )
