"""A campaign whose process is killed again and again, with no warning, at moments that chance picks."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from engine.steps import report
from engine.store.database import Database
from engine.telephony.book import Book
from tests import databases
from tests.steps.makers import (
    MONDAY,
    STEADY,
    columns_of,
    make_workspace,
    number_of,
    rows_of,
    run_to_end,
    start,
    write_experiment,
)

PEOPLE, KILLS, NAME = 1_500, 8, "gift-first"
PATIENCE = 3_000  # waits of a fiftieth of a second, a minute in all
TRACES = (
    "SELECT (SELECT count(*) FROM calls WHERE begun_at IS NOT NULL) + (SELECT count(*) FROM calls WHERE ended_at "
    "IS NOT NULL) + (SELECT count(*) FROM events) + (SELECT count(*) FROM messages)"
)
# A message that was begun when the process died is never sent again, so it may be missing, and its price and opened
# link with it. Looks are taken every six hours from the moment at which a process begins. Nothing else may differ.
OF_MESSAGES = {"message_sent", "message_delivered", "link_opened", "cost"}
METRICS_OF_MESSAGES = {"message_delivered", "link_opened", "cost", "profit", "cost_per_conversion"}


def write(folder: Path) -> Path:
    """The campaign: people do the same at every hour, and convert long before their window closes."""
    arms = {"gift": {"script": "gift-first"}, "third-call": {"redial": {"attempts": 3}}}
    settings = STEADY | {"conversion_delay": "1h", "lost_receipts": "2%", "repeats": "5%", "disorder": "5%"}
    return write_experiment(
        folder, PEOPLE, arms=arms, settings=settings, truth={"gift": "6pt"}, pace={"per_second": 15, "concurrent": 400}
    )


def traces(folder: Path) -> int:
    """How far the campaign has come: calls begun and ended, events and messages."""
    database = Database.open(databases.here().url(folder), create=False)
    with database.reading() as connection:
        count = connection.execute(text(TRACES)).scalar_one()
    database.close()
    return int(count)


def run(folder: Path) -> "subprocess.Popen[bytes]":
    """`ringlab run` as a process of its own."""
    environment = os.environ | {
        "RINGLAB_DATABASE_URL": databases.here().url(folder), "PYTHONPATH": str(Path(__file__).parents[2])
    }  # fmt: skip
    command = [sys.executable, "-m", "engine", "run", NAME]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed_at(folder: Path, target: int) -> bool:
    """Run until the campaign has left this many traces, then kill; False when it came to its end before."""
    process = run(folder)
    for _ in range(PATIENCE):
        if traces(folder) >= target:
            process.kill()
            process.communicate()
            return True
        try:
            _, said = process.communicate(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        assert process.returncode == 0, said.decode()
        return False
    process.kill()
    process.communicate()
    pytest.fail("the campaign stands still")


def outcomes(workspace: Any) -> dict[str, dict[str, Any]]:
    """Contact's key → outcome, but for instants and what a lost message changes."""
    columns = columns_of(workspace, "outcomes")
    left_out = OF_MESSAGES | {"matures_at", "dialled_at", "converted_at", "experiment_id", "contact_id"}
    kept = [name for name in columns if name not in left_out]
    query = f"SELECT contacts.key, {', '.join(kept)} FROM outcomes JOIN contacts ON contacts.id = contact_id"
    return {row[0]: dict(zip(kept, row[1:], strict=True)) for row in rows_of(workspace, query)}


def facts(standing: dict[str, Any]) -> dict[str, Any]:
    """A standing without when it was made and without what a lost message changes."""
    kept = {name: standing[name] for name in ("balance", "placebo", "maturity", "verdict", "guardrails", "fingerprint")}
    metrics = [metric for metric in standing["metrics"] if metric["name"] not in METRICS_OF_MESSAGES]
    return {name: rounded(value) for name, value in (kept | {"metrics": metrics}).items()}


def rounded(value: Any) -> Any:
    """Numbers to ten digits: sums do not hang on the order in which people were heard, but for their last bits."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


@pytest.mark.slow
@pytest.mark.databases
def test_a_campaign_survives_being_killed(tmp_path: Path) -> None:
    """Killed eight times at random, a campaign comes to the standing that it has when nobody kills it.

    No telephone rings twice for one call, nobody is forgotten, nobody is called more often than allowed.
    """
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    with make_workspace(calm) as workspace:
        simulation = run_to_end(workspace, write(calm))
        expected, wanted = outcomes(workspace), facts(report.standing(workspace, NAME, simulation.now))
        sent = number_of(workspace, "SELECT count(*) FROM messages")
    path = write(stormy)
    with make_workspace(stormy) as workspace:
        start(workspace, path, MONDAY)
    most = traces(calm)
    chance = Random(11)
    targets = sorted(chance.randint(1, most * 9 // 10) for _ in range(KILLS))
    died = [killed_at(stormy, target) for target in targets]
    assert died == [True] * KILLS
    assert killed_at(stormy, 10 * most) is False
    with make_workspace(stormy) as workspace:
        check_ledger(workspace, stormy)
        assert outcomes(workspace) == expected
        found = facts(report.standing(workspace, NAME, MONDAY))
        for part, value in wanted.items():
            assert found[part] == value
        assert number_of(workspace, "SELECT count(*) FROM messages") == sent
        fates = {state for (state,) in rows_of(workspace, "SELECT DISTINCT state FROM messages")}
        assert fates <= {"accepted", "unknown", "begun"}


def check_ledger(workspace: Any, folder: Path) -> None:
    """What holds of every campaign, whatever happened to its processes."""
    assert workspace.database.check() == ()
    book = Book(str(folder / f"{workspace.database.name}.simulated" / f"{NAME}.db"))
    assert book.doubles() == {}
    assert book.calls() == number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'ended'")
    twice = "SELECT count(*) FROM (SELECT message FROM asked WHERE message <> '' GROUP BY 1 HAVING count(*) > 1)"
    assert book._count(twice, ()) == 0
    book.close()
    assert number_of(workspace, "SELECT count(*) - count(DISTINCT key) FROM calls") == 0
    most = rows_of(workspace, "SELECT arm, max(attempt) FROM calls GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in most] == [("control", 2), ("gift", 2), ("third-call", 3)]
    assert number_of(workspace, "SELECT count(*) FROM assignments") == PEOPLE
    forgotten = (
        "SELECT count(*) FROM assignments AS a WHERE NOT EXISTS (SELECT 1 FROM calls AS c WHERE c.contact_id = "
        "a.contact_id AND c.state = 'ended') AND NOT EXISTS "
        "(SELECT 1 FROM refusals AS r WHERE r.contact_id = a.contact_id)"
    )
    assert number_of(workspace, forgotten) == 0
    open_ = "SELECT count(*) FROM calls WHERE state NOT IN ('ended', 'refused', 'canceled')"
    assert number_of(workspace, open_) == 0
