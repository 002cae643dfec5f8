"""A redial strategy in words, as pages show it."""

from datetime import timedelta

from engine.core.treatments import After, Disposition, Redial, When, duration_text

DISPOSITIONS = {
    "answered_machine": ("answered by a machine", "语音信箱"),
    "busy": ("busy", "占线"),
    "failed": ("failed", "呼叫失败"),
    "no_answer": ("no answer", "无人接听"),
    "rejected": ("declined", "拒接"),
    "unreachable": ("unreachable", "无法接通"),
}
WHEN = {
    "window": ("", ""),
    "same_time_next_day": ("at the same time of a later day", "次日同一时间"),
    "another_part_of_day": ("in another part of the day", "换一个时段"),
}
UNITS_ZH = ((86400, "天"), (3600, "小时"), (60, "分钟"))


def redial_words(redial: Redial) -> tuple[str, str]:
    """The strategy in English and in Chinese: how often at most, and after which ending when again."""
    if redial.attempts == 1:
        return "one call", "只呼一次"
    ways: dict[tuple[int | None, timedelta | None, When | None], list[str]] = {}
    for disposition in sorted(Disposition, key=lambda one: one.value):
        after = redial.after(disposition)
        if after is not None:
            ways.setdefault((after.attempts, after.gap, after.when), []).append(disposition.value)
    english = [f"{redial.attempts} calls at most"]
    chinese = [f"最多呼 {redial.attempts} 次"]
    for (attempts, gap, when), names in ways.items():
        said = _way(After(attempts=attempts, gap=gap, when=when), redial.attempts, names)
        english.append(said[0])
        chinese.append(said[1])
    if redial.windows:
        hours = ", then ".join(str(one) for one in redial.windows)
        english.append(f"called again in {hours}")
        chinese.append("重呼时段 " + "，然后 ".join(str(one) for one in redial.windows))
    return "; ".join(english), "；".join(chinese)


def _way(after: After, most: int, names: list[str]) -> tuple[str, str]:
    """What some dispositions do alike."""
    words = [DISPOSITIONS[name] for name in names]
    gap, when = after.gap or timedelta(), WHEN[after.when or "window"]
    fewer = after.attempts is not None and after.attempts < most
    english = f"{' or '.join(one for one, _ in words)}: again after {duration_text(gap)}"
    chinese = f"{'、'.join(one for _, one in words)}：{_duration_zh(gap)}后再呼"
    english += f", {when[0]}" if when[0] else ""
    chinese += f"，{when[1]}" if when[1] else ""
    english += f", {after.attempts} calls at most" if fewer else ""
    chinese += f"，最多 {after.attempts} 次" if fewer else ""
    return english, chinese


def _duration_zh(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, word in UNITS_ZH:
        if seconds and seconds % unit == 0:
            return f"{seconds // unit:.0f} {word}"
    return f"{seconds:g} 秒"
