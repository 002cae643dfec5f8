"""The memory of identities."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.intake.seen import Seen

batches = st.lists(
    st.dictionaries(st.integers(-(2**63), 2**64 - 1), st.integers(1, 2**32 - 1), max_size=20), max_size=6
)


@settings(deadline=None)
@given(batches)
def test_it_answers_as_a_dictionary_does(added: list[dict[int, int]]) -> None:
    """Every hash answers with the line it came with; none that never came has a line."""
    seen, known = Seen(), {}
    for batch in added:
        new = {value: line for value, line in batch.items() if value % 2**64 not in known}
        new = {value: line for value, line in new.items() if value >= 0 or value % 2**64 not in new}
        seen.remember(list(new), list(new.values()))
        known |= {value % 2**64: line for value, line in new.items()}

    assert len(seen) == len(known)
    assert seen.lines(list(known)) == list(known.values())
    assert seen.lines([value for value in range(50) if value not in known]) == [0] * len(
        [value for value in range(50) if value not in known]
    )


def test_it_grows_and_keeps_everything() -> None:
    """A hundred thousand neighbors, many times the first table, are all found, at 12 bytes a slot."""
    seen = Seen()
    for start in range(13_800_000_000, 13_800_100_000, 10_000):
        seen.remember(range(start, start + 10_000), range(1, 10_001))

    assert len(seen) == 100_000
    assert seen.lines([13_800_000_000, 13_800_099_999, 13_800_100_000]) == [1, 10_000, 0]


def test_zero_is_a_hash_like_any_other() -> None:
    """The hash 0 is told apart from an empty slot."""
    seen = Seen()

    assert seen.lines([0]) == [0]
    seen.remember([0], [7])
    assert seen.lines([0, 1]) == [7, 0]
