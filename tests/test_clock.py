"""The clock: what time it may be when somebody sets it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.clock import TOLERATED, SteadyClock
from engine.steady import Since

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class Machine:
    """A wall clock that can be set, and a counter that cannot."""

    def __init__(self) -> None:
        self.wall, self.gone = NOON, timedelta(0)
        self.clock = SteadyClock(lambda: self.wall, lambda: self.gone)

    def wait(self, time: timedelta) -> None:
        self.wall += time
        self.gone += time


def test_a_clock_that_nobody_sets_tells_one_time() -> None:
    """While wall clock and counter agree, now is now."""
    machine = Machine()
    machine.wait(HOUR)
    assert machine.clock() == (NOON + HOUR,)


def test_a_time_server_may_move_it_slowly() -> None:
    """Small steps are a time server's work, however far they add up."""
    machine = Machine()
    for _ in range(100):
        machine.wait(60 * SECOND)
        machine.wall += SECOND
        assert len(machine.clock()) == 1


def test_a_clock_that_is_set_is_believed_only_together_with_the_other_time() -> None:
    """Both instants go on until it is set right again."""
    machine = Machine()
    machine.wall -= 2 * HOUR
    machine.wait(SECOND)
    assert machine.clock() == (NOON - 2 * HOUR + SECOND, NOON + SECOND)
    machine.wait(HOUR)
    assert machine.clock() == (NOON - HOUR + SECOND, NOON + HOUR + SECOND)
    machine.wall += 2 * HOUR
    assert machine.clock() == (NOON + HOUR + SECOND,)


@given(st.lists(st.tuples(st.integers(0, 7200), st.integers(-7200, 7200)), max_size=20))
def test_the_true_time_is_always_among_those_that_are_told(moves: list[tuple[int, int]]) -> None:
    """However a clock is set, one of the instants is the time that has really gone since the start."""
    machine, slewed = Machine(), timedelta(0)
    for wait, jump in moves:
        machine.wait(wait * SECOND)
        machine.wall += jump * SECOND
        if abs(jump * SECOND) <= TOLERATED:
            slewed += jump * SECOND
        told = machine.clock()
        assert any(abs(one - (NOON + machine.gone + slewed)) <= TOLERATED for one in told)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-(10**6), 10**6)), max_size=10))
def test_what_is_late_by_any_clock_is_late(steps: list[tuple[int, int]]) -> None:
    """Whichever clock stood still or was set back, no less time has gone than the other counted."""
    machine = Machine()
    since = Since(lambda: machine.gone, lambda: machine.wall - NOON)
    for counted, told in steps:
        machine.gone += counted * SECOND
        machine.wall += told * SECOND
        assert since() == max(machine.gone, machine.wall - NOON)
