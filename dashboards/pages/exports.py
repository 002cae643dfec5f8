"""What a results page gives away as files: the standing as JSON and CSV, the definition as YAML."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from dashboards import access
from dashboards.pages.frame import state_of
from engine.steps import report

router = APIRouter(include_in_schema=False, dependencies=[Depends(access.page_caller("viewer"))])

COLUMNS = (
    "metric", "role", "denominator", "arm", "contacts", "total", "estimate", "low", "high",
    "difference", "relative", "difference_low", "difference_high", "p_value", "p_adjusted",
    "sequential_low", "sequential_high", "sequential_p_value",
)  # fmt: skip


def standing_rows(standing: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each metric and arm, with the comparison to the control beside it."""
    for metric in standing.get("metrics", ()):
        compared = {found["arm"]: found for found in metric.get("comparisons", ())}
        for arm in metric["arms"]:
            found = compared.get(arm["arm"], {})
            always = found.get("sequential") or {}
            low, high = arm.get("interval") or (None, None)
            difference_low, difference_high = found.get("interval") or (None, None)
            sequential_low, sequential_high = always.get("interval") or (None, None)
            yield {
                "metric": metric["name"], "role": metric["role"], "denominator": metric.get("denominator"),
                "arm": arm["arm"], "contacts": arm["contacts"], "total": arm["total"],
                "estimate": arm.get("estimate"), "low": low, "high": high,
                "difference": found.get("difference"), "relative": found.get("relative"),
                "difference_low": difference_low, "difference_high": difference_high,
                "p_value": found.get("p_value"), "p_adjusted": found.get("p_adjusted"),
                "sequential_low": sequential_low, "sequential_high": sequential_high,
                "sequential_p_value": always.get("p_value"),
            }  # fmt: skip


@router.get("/experiments/{name}/standing.json")
def as_json(request: Request, name: str) -> Response:
    """The standing, as the API gives it."""
    state = state_of(request)
    body = json.dumps(report.standing(state.workspace, name, state.clock()), ensure_ascii=False, indent=2)
    return _file(body, "application/json", f"{name}.standing.json")


@router.get("/experiments/{name}/standing.csv")
def as_csv(request: Request, name: str) -> Response:
    """The standing, one row for each metric and arm."""
    state = state_of(request)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(standing_rows(report.standing(state.workspace, name, state.clock())))
    return _file(out.getvalue(), "text/csv", f"{name}.standing.csv")


@router.get("/experiments/{name}/experiment.yaml")
def as_yaml(request: Request, name: str) -> Response:
    """The definition that was started."""
    state = state_of(request)
    found = report.results(state.workspace, name, state.clock())
    return _file(found.yaml, "application/yaml", f"{name}.yaml")


def _file(body: str, kind: str, name: str) -> Response:
    # The name was found in the database, so it holds only a-z, 0-9 and hyphens.
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
