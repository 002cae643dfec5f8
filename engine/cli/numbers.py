"""Percentages, lifts and pairs as people write them on the command line.

What cannot be understood is wrong usage and names the option.
"""

import math
import re
from collections.abc import Iterable

import typer

_PERCENT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(%|pt|)\s*")


def share(text: str, option: str) -> float:
    """A share from `5%` or `0.05`; raises BadParameter outside 0 to 1."""
    found = _PERCENT.fullmatch(text)
    if found is None or found[2] == "pt":
        raise typer.BadParameter(f"{text!r} is not a percentage; write it as 5% or 0.05", param_hint=option)
    value = float(found[1]) / (100 if found[2] else 1)
    if not 0 < value < 1:
        raise typer.BadParameter(f"{text!r} is outside 0% to 100%; write it as 5% or 0.05", param_hint=option)
    return value


def points(text: str, option: str, baseline: float) -> float:
    """A difference of rates from `2pt`, from `0.02`, or from `10%` of the baseline; raises BadParameter."""
    found = _PERCENT.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            f"{text!r} is not a lift; write 2pt for two percentage points, 10% for a tenth of the baseline",
            param_hint=option,
        )
    value = float(found[1])
    lift = {"pt": value / 100, "%": value / 100 * baseline, "": value}[found[2]]
    if not -1 < lift < 1:
        cure = f"; write {text.strip()}pt for percentage points" if not found[2] else ""
        raise typer.BadParameter(f"{text!r} is more than a rate can change{cure}", param_hint=option)
    return lift


def size(text: str, option: str) -> float:
    """A lift of any metric: `2pt` as 0.02, else a number in the metric's own unit; raises BadParameter."""
    found = _PERCENT.fullmatch(text)
    if found is not None and found[2] != "%":
        return float(found[1]) / (100 if found[2] else 1)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"{text!r} is not a number; write 1pt or 0.01", param_hint=option)
    return value


def pairs(texts: Iterable[str], option: str, form: str) -> dict[str, str]:
    """Names and values from words such as `key=customer_id,phone=mobile`; raises BadParameter."""
    found: dict[str, str] = {}
    for text in texts:
        for word in text.split(","):
            name, separator, value = (part.strip() for part in word.partition("="))
            if not (name and separator and value):
                raise typer.BadParameter(f"{word!r} cannot be understood; write {form}", param_hint=option)
            if name in found:
                raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
            found[name] = value
    return found
