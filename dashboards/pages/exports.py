"""What a results page gives away as files: the standing as JSON, CSV and Parquet, the definition as YAML."""

import json

from fastapi import APIRouter, Depends, Request, Response

from dashboards import access
from dashboards.pages.frame import state_of
from engine.steps import report

router = APIRouter(include_in_schema=False, dependencies=[Depends(access.page_caller("viewer"))])


@router.get("/experiments/{name}/standing.json")
def as_json(request: Request, name: str) -> Response:
    """The standing, as the API gives it."""
    state = state_of(request)
    body = json.dumps(report.standing(state.workspace, name, state.clock()), ensure_ascii=False, indent=2)
    return _file(body, "application/json", f"{name}.standing.json")


@router.get("/experiments/{name}/standing.csv")
def as_csv(request: Request, name: str) -> Response:
    """The standing, one row for each metric and arm."""
    return _table(request, name, "csv", "text/csv; charset=utf-8")


@router.get("/experiments/{name}/standing.parquet")
def as_parquet(request: Request, name: str) -> Response:
    """The same rows with their types."""
    return _table(request, name, "parquet", "application/vnd.apache.parquet")


def _table(request: Request, name: str, form: report.TableForm, kind: str) -> Response:
    state = state_of(request)
    body = report.table(report.standing(state.workspace, name, state.clock()), form)
    return _file(body, kind, f"{name}.standing.{form}")


@router.get("/experiments/{name}/experiment.yaml")
def as_yaml(request: Request, name: str) -> Response:
    """The definition that was started."""
    state = state_of(request)
    found = report.results(state.workspace, name, state.clock())
    return _file(found.yaml, "application/yaml", f"{name}.yaml")


def _file(body: str | bytes, kind: str, name: str) -> Response:
    # The name was found in the database, so it holds only a-z, 0-9 and hyphens.
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
