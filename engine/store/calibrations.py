"""What empty campaigns came to, the latest of each subject and engine."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from engine.store.locking import hold
from engine.store.tables import CalibrationRow, table

CALIBRATIONS = table(CalibrationRow)


@dataclass(frozen=True, slots=True)
class Calibration:
    """`runs` empty campaigns, of which `false_winners` named a winner; `engine` is `campaign` or `statistics`."""

    subject: str
    experiment: str
    engine: str
    seed: int
    runs: int
    false_winners: int
    promised: float
    played_at: datetime


def put(connection: Connection, found: Calibration) -> None:
    """Keep a calibration over an earlier one of the same subject and engine."""
    hold(connection, f"calibration/{found.engine}/{found.subject}")
    same = (CALIBRATIONS.c.subject == found.subject) & (CALIBRATIONS.c.engine == found.engine)
    connection.execute(delete(CALIBRATIONS).where(same))
    connection.execute(insert(CALIBRATIONS).values(asdict(found)))


def of(connection: Connection, subject: str) -> list[Calibration]:
    """What is known of a subject."""
    columns = [CALIBRATIONS.c[name] for name in Calibration.__slots__]
    rows = connection.execute(select(*columns).where(CALIBRATIONS.c.subject == subject))
    return [Calibration(*row) for row in rows]
