"""Hours that hang on the attempt before: where the next call belongs in another part of the day."""

from collections.abc import Sequence

from sqlalchemy import Connection

from engine.core.redial import window_after
from engine.core.windows import Window
from engine.store import attempts
from engine.store.queue import Due
from engine.workspace import Running


def narrowed(connection: Connection, running: Running, due: Sequence[Due]) -> dict[int, Window]:
    """The window of each due call whose hours hang on the attempt before, by the call's id; others are left out."""
    experiment = running.experiment
    redials = {arm: experiment.treatments[arm].redial for arm in {one.call.arm for one in due}}
    minding = [one for one in due if one.call.attempt > 1 and redials[one.call.arm].minds_the_hour]
    if not minding:
        return {}
    before = attempts.before(connection, running.id, [one.contact_id for one in minding])
    found: dict[int, Window] = {}
    for one in minding:
        attempt = one.call.attempt - 1
        last = before.get((one.contact_id, attempt))
        if last is not None:
            placed, disposition = last
            zones = one.contact.timezones
            found[one.id] = window_after(experiment, one.call.arm, attempt, disposition, placed, zones)
    return found
