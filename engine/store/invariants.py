"""What must always hold between the facts; each broken one is a sentence that names no person."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

from sqlalchemy import Connection, text

from engine.core.experiments import LIVE, Experiment

# Each sentence takes the number of rows that its query counts.
QUERIES: Final = {
    "{} contacts have two live calls in one experiment; a contact has at most one": """
        SELECT count(*) FROM (
            SELECT 1 FROM calls WHERE state IN ('planned', 'begun', 'sent', 'accepted', 'unknown')
            GROUP BY experiment_id, contact_id HAVING count(*) > 1) AS found""",
    "{} contacts are in two calls at once, whatever their experiments": """
        SELECT count(*) FROM (
            SELECT 1 FROM calls WHERE state IN ('begun', 'sent', 'accepted', 'unknown') AND ended_at IS NULL
            GROUP BY contact_id HAVING count(*) > 1) AS found""",
    "{} calls are under way or over and were never begun": """
        SELECT count(*) FROM calls
        WHERE state IN ('begun', 'sent', 'accepted', 'unknown', 'ended') AND begun_at IS NULL""",
    "{} calls were begun, and nothing says what became of them": """
        SELECT count(*) FROM calls WHERE state IN ('planned', 'canceled') AND begun_at IS NOT NULL""",
    "{} calls ended without saying when and how, or say so and did not end": """
        SELECT count(*) FROM calls
        WHERE (state = 'ended' AND (ended_at IS NULL OR disposition = ''))
        OR (state NOT IN ('ended', 'unknown') AND ended_at IS NOT NULL)""",
    "{} calls ended, and the ledger has no event that says so": """
        SELECT count(*) FROM calls WHERE state = 'ended' AND NOT EXISTS (
            SELECT 1 FROM events
            WHERE events.contact_id = calls.contact_id AND events.call = calls.key AND events.kind = 'ended')""",
    "{} calls are under way though the ledger says that they ended": """
        SELECT count(*) FROM calls WHERE state IN ('begun', 'sent', 'accepted', 'unknown') AND EXISTS (
            SELECT 1 FROM events
            WHERE events.contact_id = calls.contact_id AND events.call = calls.key AND events.kind = 'ended')""",
    "{} calls were refused or canceled without a reason": """
        SELECT count(*) FROM calls WHERE state IN ('refused', 'canceled') AND reason = ''""",
    "{} calls were refused, and their contacts are not among the refused": """
        SELECT count(*) FROM calls WHERE state = 'refused' AND NOT EXISTS (
            SELECT 1 FROM refusals
            WHERE refusals.experiment_id = calls.experiment_id AND refusals.contact_id = calls.contact_id)""",
    "{} contacts drew an arm that calls, and have neither a call nor a refusal": """
        SELECT count(*) FROM assignments WHERE arm <> 'holdout' AND NOT EXISTS (
            SELECT 1 FROM calls
            WHERE calls.experiment_id = assignments.experiment_id AND calls.contact_id = assignments.contact_id)
        AND NOT EXISTS (
            SELECT 1 FROM refusals
            WHERE refusals.experiment_id = assignments.experiment_id
            AND refusals.contact_id = assignments.contact_id)""",
    "{} contacts have a gap in their attempts; attempts count up from 1": """
        SELECT count(*) FROM (
            SELECT 1 FROM calls GROUP BY experiment_id, contact_id
            HAVING min(attempt) <> 1 OR max(attempt) <> count(*)) AS found""",
    "{} calls belong to a contact without an arm in the experiment": """
        SELECT count(*) FROM calls WHERE NOT EXISTS (
            SELECT 1 FROM assignments
            WHERE assignments.experiment_id = calls.experiment_id AND assignments.contact_id = calls.contact_id)""",
    "{} calls are of another arm than the contact drew": """
        SELECT count(*) FROM calls JOIN assignments
        ON assignments.experiment_id = calls.experiment_id AND assignments.contact_id = calls.contact_id
        WHERE assignments.arm <> calls.arm""",
    "{} events are about a call that the queue does not have": """
        SELECT count(*) FROM events
        WHERE contact_id IS NOT NULL AND call <> ''
        AND NOT EXISTS (SELECT 1 FROM calls WHERE calls.key = events.call)""",
    "{} events are about another contact than their call": """
        SELECT count(*) FROM events JOIN calls ON calls.key = events.call
        WHERE events.contact_id IS NOT NULL AND events.contact_id <> calls.contact_id""",
    "{} assignments have no outcome beside them": """
        SELECT count(*) FROM assignments WHERE NOT EXISTS (
            SELECT 1 FROM outcomes WHERE outcomes.experiment_id = assignments.experiment_id
            AND outcomes.contact_id = assignments.contact_id)""",
    "{} contacts have an arm and are in the reserve of the same experiment": """
        SELECT count(*) FROM reserve JOIN assignments
        ON assignments.experiment_id = reserve.experiment_id AND assignments.contact_id = reserve.contact_id""",
    "{} contacts are kept in reserve for an experiment that is over": """
        SELECT count(*) FROM reserve JOIN experiments ON experiments.id = reserve.experiment_id
        WHERE experiments.state IN ('decided', 'stopped')""",
    "{} outcomes have no assignment beside them": """
        SELECT count(*) FROM outcomes WHERE NOT EXISTS (
            SELECT 1 FROM assignments WHERE assignments.experiment_id = outcomes.experiment_id
            AND assignments.contact_id = outcomes.contact_id)""",
    "{} outcomes are of another arm or stratum than the assignment": """
        SELECT count(*) FROM outcomes JOIN assignments
        ON assignments.experiment_id = outcomes.experiment_id AND assignments.contact_id = outcomes.contact_id
        WHERE assignments.arm <> outcomes.arm OR assignments.stratum <> outcomes.stratum""",
    "{} outcomes count other calls than the ledger has": """
        SELECT count(*) FROM outcomes WHERE calls <> (
            SELECT count(DISTINCT events.call) FROM events
            WHERE events.contact_id = outcomes.contact_id AND events.experiment_id = outcomes.experiment_id
            AND events.kind = 'ended' AND events.call <> '')""",
    "{} outcomes say converted and when without each other": """
        SELECT count(*) FROM outcomes WHERE (converted = 1) <> (converted_at IS NOT NULL)""",
    "{} outcomes count a conversion that came before the first call or after the window": """
        SELECT count(*) FROM outcomes
        WHERE converted_at < dialled_at OR (matures_at IS NOT NULL AND converted_at > matures_at)""",
}


def violations(connection: Connection) -> tuple[str, ...]:
    """Every invariant that does not hold, with how many rows break it; empty when all hold."""
    counted = {sentence: connection.execute(text(query)).scalar_one() for sentence, query in QUERIES.items()}
    broken = (sentence.format(number) for sentence, number in counted.items() if number)
    query = text("SELECT id, state, definition FROM experiments ORDER BY id")
    kept = [(row.id, row.state, Experiment.model_validate_json(row.definition)) for row in connection.execute(query)]
    live = {id_: experiment for id_, state, experiment in kept if state in LIVE}
    every = {id_: experiment for id_, _, experiment in kept}
    return (*broken, *_called_too_often(connection, every), *_shared_contacts(connection, live))


def _called_too_often(connection: Connection, experiments: Mapping[int, Experiment]) -> Iterator[str]:
    """Who was called more often than the arm's redial strategy allows."""
    query = text("SELECT experiment_id, arm, attempt, count(*) FROM calls WHERE attempt > 1 GROUP BY 1, 2, 3")
    over: Counter[str] = Counter()
    for experiment_id, arm, attempt, number in connection.execute(query):
        experiment = experiments[experiment_id]
        if attempt == experiment.treatments[arm].redial.attempts + 1:
            over[experiment.name] += number
    for name, number in over.items():
        yield f"{number} contacts have more attempts in {name} than their arm allows"


def _shared_contacts(connection: Connection, live: Mapping[int, Experiment]) -> Iterator[str]:
    tables = ("assignments", "reserve")
    people = " UNION ALL ".join(f"SELECT experiment_id, contact_id FROM {name}" for name in tables)  # noqa: S608
    shared = text(
        f"SELECT count(*) FROM ({people}) AS a JOIN ({people}) AS b ON a.contact_id = b.contact_id "  # noqa: S608
        "WHERE a.experiment_id = :one AND b.experiment_id = :other"
    )
    for (one, first), (other, second) in combinations(live.items(), 2):
        if second.name in first.compatible_with or first.name in second.compatible_with:
            continue
        number = connection.execute(shared, {"one": one, "other": other}).scalar_one()
        if number:
            yield (
                f"{number} contacts are in {first.name} and in {second.name}, "
                "which run at the same time and are not declared compatible"
            )
