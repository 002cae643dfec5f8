"""A standing as text: the sentence first, then why it can be trusted, then the numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.cli.forms import chance, lift, lift_span, percent, span, value
from engine.cli.printing import say, say_table
from engine.core.sentences import odds

Json = Mapping[str, Any]
SHOWN = ("secondary", "guardrail")
MOST_PAIRS = 10
MOST_HIDDEN = 8
COMPARED = ("#n / of", "#value", "#difference", "#range of the difference")
STATUS = {
    "winner": "winner", "leaning": "leaning", "no_useful_difference": "no useful difference",
    "not_enough_people": "not enough people", "stopped_for_safety": "stopped for safety",
    "data_problem": "data problem",
}  # fmt: skip
KINDS = {
    "harm": "limit", "relative_harm": "against the control", "pause_at": "pause at", "no_worse_by": "no worse by",
}  # fmt: skip
FAILING = {"fail": "FAILS it", "undecided": "is undecided"}


def say_standing(standing: Json) -> None:
    """Print a standing of any source."""
    verdict = standing["verdict"]
    say(_heading(standing))
    say()
    say(verdict["sentence"])
    say(f"Next: {verdict['next']}")
    for reason in verdict["reasons"]:
        say(f"  - {reason}")
    for line in trust(standing):
        say(f"  {line}")
    for warning in standing.get("warnings", ()):
        say(f"  ! {warning}")
    primary = next(metric for metric in standing["metrics"] if metric["role"] == "primary")
    say()
    say_table(*_primary(standing, primary))
    if "trend" in standing:
        say(standing["trend"]["sentence"])
    _say_factorial(standing.get("factorial"), primary["kind"])
    others = [metric for metric in standing["metrics"] if metric["role"] in SHOWN]
    if others:
        say()
        say_table(*_others(others))
    for line in _sharpened(primary, standing.get("segments", ())):
        say(f"  {line}")
    _say_beside(standing)
    for segment in standing.get("segments", ()):
        say()
        say_table(*_segment(segment, primary["kind"]), title=f"by {segment['column']} (exploratory)")
        for line in _about_segments(segment):
            say(f"  {line}")


def _say_beside(standing: Json) -> None:
    """Print what describes and decides nothing: numbers per attempt, and among the connected."""
    attempts = [metric for metric in standing["metrics"] if metric["denominator"] == "attempts"]
    if attempts:
        say()
        say_table(*_others(attempts), title="per attempt (described, decides nothing; people counted, not calls)")
    connected = [metric for metric in standing["metrics"] if metric["denominator"] == "connected"]
    if any(found.get("difference") is not None for metric in connected for found in metric["comparisons"]):
        say()
        say_table(*_connected(connected), title="among people who answered the first call (described, decides nothing)")


def _heading(standing: Json) -> str:
    parts = [standing["experiment"], standing.get("state"), standing["method"]]
    if standing.get("look"):
        parts.append(f"look {standing['look']}")
    if standing.get("as_of"):
        parts.append(f"{standing['as_of'][:16].replace('T', ' ')} UTC")
    return " · ".join(str(part) for part in parts if part)


def trust(standing: Json) -> list[str]:
    """Balance, placebo and maturity, a line each."""
    checks = standing.get("balance", ())
    lines = []
    if "factorial" in standing and all(check["ok"] for check in checks):
        lines.append(f"balance of every variable, {len(checks)} checks: as dealt")
        checks = ()
    for check in checks:
        said = "as dealt" if check["ok"] else "NOT as dealt: nothing may be read off the numbers"
        through = f" through {check['adapter']}" if check.get("adapter") else ""
        of = f" by {check['variable']}" if check.get("variable") else ""
        lines.append(f"balance of the {check['stage']}{through}{of}: {said}{_against(check)}")
    placebo = standing.get("placebo")
    if placebo:
        said = "equal, as it should be" if placebo["ok"] else "UNEQUAL, though no arm can change it"
        lines.append(f"placebo ({placebo['metric']}): {said}{_against(placebo)}{_left_out(placebo)}")
    harm = standing.get("harm")
    if harm:
        said = "keep the limit" if harm["ok"] else "EXCEED THE LIMIT"
        lines.append(
            f"complaints of the arms that go on: {harm['complaints']:,} in {harm['calls']:,} calls {said} "
            f"({odds(harm['odds'])} : 1 against 1 in 10,000)"
        )
    maturity = standing.get("maturity")
    if maturity:
        whole = maturity["mature"] + maturity["waiting"]
        lines.append(f"maturity: {maturity['mature']:,} of {whole:,} contacts had their time to convert")
    adds = standing.get("holdout", {}).get("calling_adds")
    if adds:
        low, high = adds["interval"]
        lines.append(
            f"calling itself adds {adds['difference'] * 100:+.2f}pt ({low * 100:+.2f} to {high * 100:+.2f}pt) against "
            f"the holdout of {standing['holdout']['contacts']:,}"
        )
    empty = standing.get("calibration")
    if empty:
        low, high = empty["interval"]
        said = "in order" if empty["ok"] else "MORE than promised: do not trust this way to decide"
        lines.append(
            f"A/A: {empty['false_winners']:,} false winners in {empty['runs']:,} empty "
            f"{'campaigns' if empty['engine'] == 'campaign' else 'runs of the statistics'} "
            f"({low:.1%} to {high:.1%}), promised at most {empty['promised']:.1%}: {said}"
        )
    lines += [
        f"guardrail {check['metric']} ({KINDS[check['kind']]}): {check['arm']} {FAILING[check['status']]}"
        for check in standing.get("guardrails", ())
        if check["status"] in FAILING
    ]
    return lines


def _left_out(placebo: Json) -> str:
    """The arms that are no part of the placebo, with why."""
    reasons = [f"{each['arm']} ({each['why']})" for each in placebo.get("left_out", ())]
    return f"; left out: {', '.join(reasons)}" if reasons else ""


def _against(check: Json) -> str:
    """The odds that alarm, and the p-value that describes; it never pretends to be zero."""
    highest = check.get("highest") if not check["ok"] else check.get("odds")
    against = "" if highest is None else f"{odds(highest)} : 1 against it, "
    return f" ({against}{_p_said(check['p_value'])})"


def _chance(p_value: float | None) -> str:
    """A p-value after what it is of."""
    return "" if p_value is None else f" ({_p_said(p_value)})"


def _p_said(p_value: float) -> str:
    """A p-value with its letter; it never pretends to be zero."""
    return f"p = {p_value:.2g}" if p_value >= 0.0001 else "p < 0.0001"


def _primary(standing: Json, metric: Json) -> tuple[Sequence[str], list[Sequence[object]]]:
    against = {found["arm"]: found for found in metric["comparisons"]}
    statuses = standing["verdict"].get("arms", {})
    sequential = any("sequential" in found for found in against.values())
    name = metric.get("label") or metric["name"]
    columns = (
        "arm", f"#n / {metric['denominator']}", f"#{name}", "#range", "#lift", "#relative",
        "#range of the lift" + (" at any look" if sequential else ""),
        "#p at any look" if sequential else "#p adjusted", "#chance best", "status",
    )  # fmt: skip
    rows: list[Sequence[object]] = []
    for arm in metric["arms"]:
        found = against.get(arm["arm"], {})
        deciding = found.get("sequential") or {
            "interval": found.get("interval_adjusted", found.get("interval")),
            "p_value": found.get("p_adjusted", found.get("p_value")),
        }
        rows.append(
            (
                arm["arm"] + (" (control)" if arm["arm"] == standing["control"] else ""), _counts(arm, metric["kind"]),
                value(arm["estimate"], metric["kind"]), span(arm.get("interval"), metric["kind"]),
                lift(found.get("difference"), metric["kind"]), percent(found.get("relative")),
                lift_span(deciding["interval"], metric["kind"]), chance(deciding["p_value"]),
                percent(found.get("probability_best"), sign=False),
                found.get("reason") or STATUS.get(statuses.get(arm["arm"], ""), statuses.get(arm["arm"], "")),
            )
        )  # fmt: skip
    return columns, rows


def _say_factorial(factorial: Json | None, kind: str) -> None:
    """What a factorial round has beside its levels: each variable's own verdict, the combination, the interactions."""
    if not factorial:
        return
    say()
    for one in factorial["variables"]:
        say(f"{one['variable']}: {one['sentence']}")
    chosen = factorial.get("combination")
    if chosen:
        say(f"combination to confirm: {chosen['arm']}{_expected(chosen, kind)}")
        for name in chosen["leaning"]:
            say(f"  leaning and not in it: {name}")
    pairs = factorial["interactions"]
    if pairs:
        say()
        rows = [
            (
                " + ".join(pair["arms"]), f"{pair['contacts']:,}", lift(pair["difference"], kind),
                lift_span(pair["interval_adjusted"], kind), chance(pair["p_adjusted"]),
            )
            for pair in pairs[:MOST_PAIRS]
        ]  # fmt: skip
        columns = ("together", "#least people", "#beyond the sum", "#range", "#p corrected")
        say_table(
            columns, rows, title=f"interactions (the strongest of {len(pairs)} pairs, corrected over all of them)"
        )
    if factorial.get("hidden"):
        say(f"{factorial['hidden']} pairs are hidden: too few people or conversions in some of their combinations")


def _expected(chosen: Json, kind: str) -> str:
    predicted, alone = chosen.get("predicted"), chosen.get("lift")
    if not predicted or not alone:
        return ""
    return (
        f", {value(predicted['estimate'], kind)} expected ({span(predicted['interval'], kind)}), "
        f"{lift(alone['difference'], kind)} against the control ({lift_span(alone['interval'], kind)})"
    )


def _others(metrics: Sequence[Json]) -> tuple[Sequence[str], list[Sequence[object]]]:
    columns = ("metric", "role", "arm", *COMPARED, "#p adjusted")
    rows: list[Sequence[object]] = []
    for metric in metrics:
        for place, (arm, found, cells) in enumerate(_compared(metric, metric["kind"])):
            named = (metric["name"], metric["role"]) if not place else ("", "")
            p_value = found.get("q_value", found.get("p_adjusted", found.get("p_value")))
            rows.append((*named, arm, *cells, chance(p_value)))
    return columns, rows


def _connected(metrics: Sequence[Json]) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Rates among the connected, and why each is compared or not."""
    columns = ("metric", "arm", *COMPARED, "what it is")
    rows: list[Sequence[object]] = []
    for metric in metrics:
        for place, (arm, found, cells) in enumerate(_compared(metric, metric["kind"])):
            rows.append((metric["name"] if not place else "", arm, *cells, found.get("reason") or sharper(found)))
    return columns, rows


def _compared(part: Json, kind: str) -> Iterator[tuple[str, Json, tuple[str, ...]]]:
    """Each arm of a metric or segment with its comparison, and the cells of `COMPARED`."""
    against = {found["arm"]: found for found in part["comparisons"]}
    for arm in part["arms"]:
        found = against.get(arm["arm"], {})
        yield arm["arm"], found, (
            _counts(arm, kind), value(arm["estimate"], kind),
            lift(found.get("difference"), kind), lift_span(found.get("interval"), kind),
        )  # fmt: skip


def _sharpened(metric: Json, segments: Sequence[Json]) -> list[str]:
    """The lift within strata and the lift with a covariate, where they were computed."""
    within = ", ".join(segment["column"] for segment in segments) or "strata"
    lines = []
    for found in metric["comparisons"]:
        for key, named in (("stratified", f"within {within}, like with like"), ("adjusted", "with the covariate")):
            if same := found.get(key):
                shown = f"{lift(same['difference'], metric['kind'])} ({lift_span(same['interval'], metric['kind'])})"
                saved = f"; {same['variance_saved']:.1%} of the variance is saved" if "variance_saved" in same else ""
                lines.append(f"{named}: {found['arm']} {shown}{_chance(same['p_value'])}{saved}")
    return lines


def sharper(found: Json) -> str:
    """How many people a comparison among the connected saves or takes."""
    saved = found.get("people_saved")
    if saved is None:
        return ""
    return f"fair; needs {abs(saved):.0%} {'fewer' if saved >= 0 else 'more'} people"


def _about_segments(segment: Json) -> list[str]:
    """What is hidden, and whether one lift could hold in all."""
    hidden = [f"{name} ({', '.join(arms)})" for name, arms in segment.get("hidden", {}).items()]
    more = f" and {len(hidden) - MOST_HIDDEN} more" if len(hidden) > MOST_HIDDEN else ""
    lines = [f"hidden, too few people: {', '.join(hidden[:MOST_HIDDEN])}{more}"] if hidden else []
    return lines + [
        f"one lift of {arm} in all of them{_chance(test['p_value'])}"
        for arm, test in segment.get("interaction", {}).items()
    ]


def _segment(segment: Json, kind: str) -> tuple[Sequence[str], list[Sequence[object]]]:
    columns = ("value", "arm", *COMPARED, "#p adjusted")
    rows: list[Sequence[object]] = []
    for part in segment["values"]:
        for place, (arm, found, cells) in enumerate(_compared(part, kind)):
            rows.append((part["value"] if not place else "", arm, *cells, chance(found.get("p_adjusted"))))
    return columns, rows


def needs_table(methods: Json) -> tuple[Sequence[str], list[Sequence[object]]]:
    """What each method takes, as plain data of `engine.stats.needs`."""
    once, looks, race = methods["fixed"], methods["group"], methods["sequential"]
    rows: list[Sequence[object]] = [
        ("fixed: read once, at the end", f"{once['contacts_per_arm']:,}", f"{once['contacts']:,}", ""),
        (f"group: {looks['looks']} looks, at most", f"{looks['contacts_per_arm']:,}", f"{looks['contacts']:,}", ""),
    ]  # fmt: skip
    if once["best"] < once["contacts"]:
        share = f"with the best share for the control, {once['control_share']:.0%} of everybody"
        rows.insert(1, ("fixed, uneven", "", f"{once['best']:,}", share))
    if race:
        played = f"of {race['runs']} races, seed {race['seed']}"
        rows += [
            (
                "sequential: no effect, on average", "", f"{race['no_effect']:,.0f}",
                f"in nine of ten at most {race['no_effect_90']:,.0f}, {played}",
            ),
            (
                "sequential: this lift, on average", "", f"{race['with_lift']:,.0f}",
                f"in nine of ten at most {race['with_lift_90']:,.0f}; power {race['power']:.0%}",
            ),
        ]  # fmt: skip
    return ("method", "#people per arm", "#people in all", ""), rows


def _counts(arm: Json, kind: str) -> str:
    return f"{arm['total']:,.0f} / {arm['contacts']:,}" if kind == "rate" else f"{arm['contacts']:,}"
