"""A standing as one HTML page that needs nothing beside itself: no script, no style sheet, no picture of elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from engine.cli import forms
from engine.cli.figures import trust

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0 2rem}"
    "th,td{padding:.35rem .6rem;border-bottom:1px solid #d5d9de;text-align:right;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}"
    ".verdict{font-size:1.4rem;font-weight:600}"
)


def standing_page(standing: Mapping[str, Any]) -> str:
    """The page: the verdict first, why it can be trusted, then every metric's table."""
    verdict = standing["verdict"]
    name = escape(str(standing["experiment"]))
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>',
        f'<h1>{name}</h1><p class="verdict">{escape(verdict["sentence"])}</p><p>{escape(verdict["next"])}</p>',
        _list([*verdict["reasons"], *trust(standing), *standing.get("warnings", ())]),
    ]
    for metric in standing["metrics"]:
        parts.append(f"<h2>{escape(metric.get('label') or metric['name'])}</h2>")
        parts.append(f"<p>{escape(metric['role'])}, of {escape(metric['denominator'])}</p>")
        parts.append(
            _table(("arm", "contacts", "value", "range", "lift", "range of the lift", "p adjusted", ""), _rows(metric))
        )
    parts.append(
        f"<footer>{escape(str(standing.get('as_of', '')))} {escape(str(standing.get('fingerprint', '')))}</footer>"
    )
    parts.append("</body></html>")
    return "\n".join(parts) + "\n"


def _rows(metric: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    kind = metric["kind"]
    against = {found["arm"]: found for found in metric["comparisons"]}
    for arm in metric["arms"]:
        found = against.get(arm["arm"], {})
        yield (
            arm["arm"], f"{arm['contacts']:,}", forms.value(arm["estimate"], kind),
            forms.span(arm.get("interval"), kind), forms.lift(found.get("difference"), kind),
            forms.lift_span(found.get("interval"), kind), forms.chance(found.get("p_adjusted")),
            str(found.get("reason", "")),
        )  # fmt: skip


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
