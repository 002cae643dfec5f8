"""When each due call may be placed: its arm's window, or that of its attempt."""

from collections.abc import Sequence

from sqlalchemy import Connection

from engine.core.calls import window_of
from engine.core.redial import window_after
from engine.core.windows import Window
from engine.store import attempts
from engine.store.queue import Due
from engine.workspace import Running


def windows(connection: Connection, running: Running, due: Sequence[Due]) -> dict[int, Window]:
    """The window of each due call, by the call's id."""
    experiment = running.experiment
    redials = {arm: experiment.treatments[arm].redial for arm in {one.call.arm for one in due}}
    minding = [one.contact_id for one in due if one.call.attempt > 1 and redials[one.call.arm].minds_the_hour]
    before = attempts.before(connection, running.id, minding) if minding else {}
    known: dict[tuple[str, int], Window] = {}
    found: dict[int, Window] = {}
    for one in due:
        arm, attempt = one.call.arm, one.call.attempt
        last = before.get((one.contact_id, attempt - 1))
        if last is not None:
            placed, disposition = last
            found[one.id] = window_after(experiment, arm, attempt - 1, disposition, placed, one.contact.timezones)
            continue
        if (arm, attempt) not in known:
            known[arm, attempt] = window_of(experiment, experiment.treatments[arm], attempt)
        found[one.id] = known[arm, attempt]
    return found
