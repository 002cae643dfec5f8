"""What must always hold between the facts; each broken one is a sentence that names no person."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from sqlalchemy import Connection, text

from engine.core.experiments import LIVE, Experiment

# Each sentence takes the number of rows that its query counts.
QUERIES: Final = {
    "{} contacts have two live calls in one experiment; a contact has at most one": """
        SELECT count(*) FROM (
            SELECT 1 FROM calls WHERE state IN ('planned', 'begun', 'accepted', 'unknown')
            GROUP BY experiment_id, contact_id HAVING count(*) > 1) AS found""",
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
    return (*broken, *_shared_contacts(connection))


def _shared_contacts(connection: Connection) -> Iterator[str]:
    query = text("SELECT id, state, definition FROM experiments ORDER BY id")
    live = {
        row.id: Experiment.model_validate_json(row.definition) for row in connection.execute(query) if row.state in LIVE
    }
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
