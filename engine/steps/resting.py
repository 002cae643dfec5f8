"""Arms that are not dialed for now: paused for safety, or dropped by the race."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from engine.store import records


def resting_arms(connection: Connection, experiment: str) -> dict[str, str]:
    """Arm → why it rests."""
    text = records.mark(connection, _name(experiment))
    return dict(json.loads(text)) if text else {}


def rest(connection: Connection, experiment: str, arms: Mapping[str, str]) -> None:
    """Let these arms rest and no others."""
    records.set_mark(connection, _name(experiment), json.dumps(dict(arms), ensure_ascii=False))


def _name(experiment: str) -> str:
    return f"resting/{experiment}"
