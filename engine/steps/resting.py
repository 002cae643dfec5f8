"""Arms that are not dialed for now: paused for safety, or dropped by the race; and levels that are dealt no more."""

import json
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from engine.store import records


def resting_arms(connection: Connection, experiment: str) -> dict[str, str]:
    """Arm → why it rests."""
    text = records.mark(connection, _name(experiment))
    return dict(json.loads(text)) if text else {}


def rest(connection: Connection, experiment: str, arms: Mapping[str, str]) -> None:
    """Let these arms rest and no others."""
    records.set_mark(connection, _name(experiment), json.dumps(dict(arms), ensure_ascii=False))


def undealt_levels(connection: Connection, experiment: str) -> list[str]:
    """The levels of a factorial round that nobody is dealt any more, those that rest among them."""
    text = records.mark(connection, f"undealt/{experiment}")
    return sorted({*(json.loads(text) if text else ()), *resting_arms(connection, experiment)})


def deal_no_more(connection: Connection, experiment: str, levels: Iterable[str]) -> None:
    """Deal these levels to nobody from here on, and every other one."""
    records.set_mark(connection, f"undealt/{experiment}", json.dumps(sorted(levels)))


def _name(experiment: str) -> str:
    return f"resting/{experiment}"
