"""Call logs as tallies."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError, NotFound, ProblemsFound, UnreadableFile
from engine.intake.calllogs import LogTallies, read_log
from engine.intake.logcells import NO, YES
from engine.intake.logfiles import open_log
from engine.intake.logmetrics import LogMetric
from engine.stats.tallies import Tally
from tests.intake.makers import make_file, make_parquet

BOUGHT = LogMetric.parse("bought=y:rate")
SPENT = LogMetric.parse("spent=m:mean")
LOG = "arm,y,m,x,seg\na,yes,10,1,n\na,no,0,2,o\nb,yes,20.5,3,n\nb,yes,1e1,4,n\nb,no,0,5,\n"


def test_every_metric_is_tallied_per_arm_and_segment(tmp_path: Path) -> None:
    """Contacts, totals, squares and products are those of the rows; segments add up to the whole."""
    log = read_log(
        make_file(tmp_path, LOG),
        "arm",
        [BOUGHT, SPENT, LogMetric.parse("each=m:ratio/x")],
        control="b",
        covariate="x",
        segment="seg",
    )

    assert log.arms == ("b", "a")
    assert log.segments == ("(blank)", "n", "o")
    assert log.rows == 5
    assert log.contacts() == {"b": 3, "a": 2}
    assert log.tallies("bought") == {
        "a": Tally.of([1, 0], [1, 2]),
        "b": Tally.of([1, 1, 0], [3, 4, 5]),
    }
    assert log.tallies("spent")["b"] == Tally.of([20.5, 10, 0], [3, 4, 5])
    assert log.tallies("each")["a"] == Tally.of([10, 0], [1, 2])
    assert log.tallies("bought", "n") == {"a": Tally.of([1], [1]), "b": Tally.of([1, 1], [3, 4])}
    assert log.tallies("bought", "o") == {"a": Tally.of([0], [2]), "b": Tally(0, 0, 0)}
    assert log.contacts("n") == {"b": 2, "a": 1}


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ";"), ("gb18030", ","), ("utf-16", "\t"), ("utf-8", "|")]
)
def test_any_encoding_and_delimiter_gives_the_same_tallies(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Chinese exports are read as they come: quoted names, line ends in cells, blank rows at the end."""
    text = '"分组";"备注";"是否""转化"""\r\n对照组;"a\r\nb;c";是\r\n\r\n实验组;"";否\r\n实验组;x;是\r\n;;\r\n'
    path = make_file(tmp_path, text.replace(";", delimiter), encoding=encoding)

    log = read_log(path, "分组", [LogMetric("c", '是否"转化"')], control="对照组")

    assert log.tallies("c") == {"对照组": Tally.of_rate(1, 1), "实验组": Tally.of_rate(1, 2)}


def test_every_yes_and_no_is_understood(tmp_path: Path) -> None:
    """All the words of YES and NO count, in any case, with blanks around them."""
    cells = [*YES, *map(str.upper, YES), *NO, *map(str.title, NO), " yes "]
    path = make_file(tmp_path, "arm,y\n" + "".join(f"a,{cell}\n" for cell in cells))

    assert read_log(path, "arm", [BOUGHT]).tallies("bought")["a"] == Tally.of_rate(2 * len(YES) + 1, len(cells))


def test_parquet_types_are_understood(tmp_path: Path) -> None:
    """Booleans, whole and broken numbers, decimals, words and numbers as arms are read for what they are."""
    path = make_parquet(
        tmp_path,
        "SELECT i % 2 AS arm, i % 3 = 0 AS flag, i AS whole, i / 2.0::DOUBLE AS broken, "
        "(i * 1.1)::DECIMAL(9, 2) AS money, "
        "CASE WHEN i < 5 THEN 'Yes' ELSE 'NO' END AS word, (i % 2)::TINYINT AS bit FROM range(10) t(i)",
    )
    names = ["flag:rate", "whole:mean", "broken:mean", "money:mean", "word:rate", "bit:rate", "flag:mean", "bit:mean"]
    log = read_log(path, "arm", [LogMetric.parse(f"{name}={name}") for name in names])
    odd = range(1, 10, 2)

    assert log.arms == ("0", "1")
    expected: list[list[float]] = [
        [i % 3 == 0 for i in odd], list(odd), [i / 2 for i in odd], [round(i * 1.1, 2) for i in odd],
        [i < 5 for i in odd], [1] * 5, [i % 3 == 0 for i in odd], [1] * 5,
    ]  # fmt: skip
    for name, values in zip(names, expected, strict=True):
        tally = log.tallies(name)["1"]
        assert (tally.count, tally.total, tally.squares) == pytest.approx((5, sum(values), sum(v * v for v in values)))


def test_a_metric_without_a_kind_takes_the_kind_of_its_cells(tmp_path: Path) -> None:
    """Yes and no, and 1 and 0, make a rate, other numbers a mean; one misspelled word does not hide a rate."""
    path = make_file(tmp_path, "arm,y,bit,n,typo\na,yes,1,3,yes\na,no,0,1,no\na,no,0,0,yess\n")
    metrics = [LogMetric.parse(f"{name}={name}") for name in ("y", "bit", "n")]

    assert [metric.kind for metric in read_log(path, "arm", metrics).metrics] == ["rate", "rate", "mean"]
    with pytest.raises(ProblemsFound, match=r"'typo' is to be yes or no, but holds 'yess' \(1 times\)$"):
        read_log(path, "arm", [LogMetric.parse("typo=typo")])


def test_values_that_cannot_be_understood_are_listed_with_counts(tmp_path: Path) -> None:
    """Every column with trouble is told at once, the most frequent values first, long numbers hidden."""
    rows = "a,maybe,1\na,maybe,x\na,13800000001,inf\na,no,1\n"
    with pytest.raises(ProblemsFound) as refused:
        read_log(make_file(tmp_path, f"arm,y,m\n{rows}"), "arm", [BOUGHT, SPENT])

    text = str(refused.value)
    assert "'y' is to be yes or no, but holds 'maybe' (2 times), (a long number) (1 times)" in text
    assert "'m' is to be numbers, but holds 'inf' (1 times), 'x' (1 times)" in text
    assert "13800000001" not in text


def test_blanks_are_refused_or_counted_as_zero_and_reported(tmp_path: Path) -> None:
    """Everyone is in the denominator: a blank is an error, or a zero that is told of; it is never left out."""
    path = make_file(tmp_path, "arm,y,m,x\na,yes,2,1\na,,NULL,\na,no,n/a,3\n")
    metrics = [BOUGHT, SPENT, LogMetric.parse("r=m:ratio/x")]

    with pytest.raises(ProblemsFound, match="'m' is blank in 2 rows") as refused:
        read_log(path, "arm", metrics)
    assert "--missing zero" in str(refused.value)
    log = read_log(path, "arm", metrics, missing="zero", covariate="x")
    assert log.missing == {"bought": 1, "spent": 2, "r": 2, "r (denominator)": 1, "x": 1}
    assert log.tallies("bought")["a"] == Tally.of([1, 0, 0], [1, 0, 3])
    assert log.tallies("spent")["a"] == log.tallies("r")["a"] == Tally.of([2, 0, 0], [1, 0, 3])


def test_a_not_a_number_of_parquet_is_a_blank(tmp_path: Path) -> None:
    """What data frames write for nothing counts as nothing; infinity is not a number."""
    path = make_parquet(tmp_path, "SELECT 'a' AS arm, x FROM (VALUES (1.0::DOUBLE), ('nan'::DOUBLE), (NULL)) t(x)")
    assert read_log(path, "arm", [LogMetric.parse("x=x:mean")], missing="zero").missing == {"x": 2}
    path = make_parquet(tmp_path, "SELECT 'a' AS arm, 'inf'::DOUBLE AS x")
    with pytest.raises(ProblemsFound, match="holds 'inf'"):
        read_log(path, "arm", [LogMetric.parse("x=x:mean")])


def test_attempts_are_gathered_per_contact(tmp_path: Path) -> None:
    """With a contact column, any success is a success, amounts add up, and a covariate is the contact's own."""
    rows = "a,c1,no,1,5,n\na,c1,yes,2,5,n\na,c2,no,4,7,n\nb,c3,yes,8,9,n\nb,c3,yes,16,9,o\n"
    path = make_file(tmp_path, f"arm,who,y,m,x,seg\n{rows}")

    log = read_log(
        path, "arm", [BOUGHT, SPENT, LogMetric.parse("r=m:ratio/m")], contact="who", covariate="x", segment="seg"
    )

    assert (log.rows, log.contacts(), log.segments) == (5, {"a": 2, "b": 1}, ("(several)", "n"))
    assert log.tallies("bought") == {"a": Tally.of([1, 0], [5, 7]), "b": Tally.of([1], [9])}
    assert log.tallies("spent") == {"a": Tally.of([3, 4], [5, 7]), "b": Tally.of([24], [9])}
    assert log.tallies("r")["a"] == Tally.of([3, 4], [3, 4])


def test_a_contact_in_two_arms_makes_the_log_unusable(tmp_path: Path) -> None:
    """Contacts that saw two arms, and rows of nobody, are refused with their counts and without their names."""
    rows = "a,secret1,yes\nb,secret1,no\na,secret2,no\na,secret3,no\nb, secret3 ,no\na,,no\n"
    with pytest.raises(ProblemsFound, match="2 contacts are in more than one arm") as refused:
        read_log(make_file(tmp_path, f"arm,who,y\n{rows}"), "arm", [BOUGHT], contact="who")

    assert "1 rows name no contact in column 'who'" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_blank_attempts_of_a_contact_are_blanks(tmp_path: Path) -> None:
    """Blank cells are counted per attempt, before they are gathered."""
    path = make_file(tmp_path, "arm,who,y\na,c1,\na,c1,yes\na,c2,\n")

    with pytest.raises(ProblemsFound, match="blank in 2 rows"):
        read_log(path, "arm", [BOUGHT], contact="who")
    log = read_log(path, "arm", [BOUGHT], contact="who", missing="zero")
    assert (log.tallies("bought")["a"], log.missing) == (Tally.of_rate(1, 2), {"bought": 2})


def test_names_that_the_file_does_not_have_are_told_with_the_nearest(tmp_path: Path) -> None:
    """Unknown columns come all at once, an unknown control with the values that there are."""
    path = make_file(tmp_path, LOG)

    with pytest.raises(ProblemsFound) as refused:
        read_log(path, "amr", [LogMetric.parse("r=yy:ratio/mm")], segment="segg", contact="arm")
    assert [str(problem).split("; ")[1] for problem in refused.value.problems] == [
        "did you mean 'arm'?", "did you mean 'm'?", "did you mean 'seg'?", "did you mean 'y'?",
    ]  # fmt: skip
    with pytest.raises(NotFound, match="'control'; known: a, b"):
        read_log(path, "arm", [BOUGHT], control="control")
    with pytest.raises(InputError, match="two metrics are named 'bought'"):
        read_log(path, "arm", [BOUGHT, BOUGHT])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("arm,y\n", "no rows"),
        ("arm,y\na,yes\n ,yes\n", "1 rows name no arm"),
        ("arm,y\na,yes\nb\n", "line 3 cannot be read"),
        ('arm,y\na,"yes\nb,no\n', "line 2 cannot be read"),
        ("arm,y\n" + "".join(f"{i},yes\n" for i in range(300)), "more than 200 different values"),
    ],
)
def test_a_log_that_cannot_be_tallied_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """No rows, no arm, ragged rows, open quotes, an arm column of names: each has its sentence."""
    with pytest.raises(InputError, match=told):
        read_log(make_file(tmp_path, text), "arm", [BOUGHT])


@pytest.mark.parametrize("kind", ["INTEGER", "UTINYINT", "HUGEINT", "BOOLEAN", "DOUBLE", "DECIMAL(3,1)"])
@pytest.mark.parametrize("contact", [None, "who"])
def test_a_rate_is_the_same_whatever_type_its_column_has(tmp_path: Path, kind: str, contact: str | None) -> None:
    """Ones and zeros of every type are yes and no, beside a covariate too; a blank one is refused or counted as no."""
    cells = "(VALUES ('a', 1, 1, 4), ('b', 0, 2, 5), ('c', NULL, 3, 6), ('d', 1, 4, 7)) t(who, y, x, z)"
    path = make_parquet(tmp_path, f"SELECT 'arm' AS arm, who, y::{kind} AS y, x, z FROM {cells}")

    with pytest.raises(ProblemsFound, match="column 'y' is blank in 1 rows"):
        read_log(path, "arm", [BOUGHT], contact=contact)
    plain = read_log(path, "arm", [BOUGHT], contact=contact, missing="zero")
    beside = read_log(path, "arm", [BOUGHT], covariate="x", contact=contact, missing="zero")

    assert plain.missing == beside.missing == {"bought": 1}
    assert plain.tallies("bought") == {"arm": Tally.of_rate(2, 4)}
    assert beside.tallies("bought") == {"arm": Tally.of([1, 0, 0, 1], [1, 2, 3, 4])}


def test_a_whole_number_that_is_no_yes_or_no_is_refused(tmp_path: Path) -> None:
    """Twos are told with their count, not counted as either."""
    path = make_parquet(tmp_path, "SELECT 'a' AS arm, y FROM (VALUES (1), (0), (2), (2), (NULL)) t(y)")

    with pytest.raises(ProblemsFound, match=r"yes or no, but holds '2' \(2 times\)"):
        read_log(path, "arm", [BOUGHT])


def test_the_engine_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of any length is read within the same memory, by no more threads than fit into it."""
    monkeypatch.setattr("engine.intake.logfiles.MOST_THREADS", 1)
    with open_log(make_file(tmp_path, LOG)) as log:
        memory, threads = log.first("SELECT current_setting('memory_limit'), current_setting('threads')")

    assert (memory, threads) == ("244.1 MiB", 1)


def test_dates_are_no_metric(tmp_path: Path) -> None:
    """A column of dates is refused by name."""
    path = make_parquet(tmp_path, "SELECT 'a' AS arm, DATE '2026-11-23' AS d")
    with pytest.raises(InputError, match="column 'd' holds values of type date"):
        read_log(path, "arm", [LogMetric.parse("d=d:mean")])


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    """A Parquet file that was cut off is unreadable, not a crash."""
    whole = make_parquet(tmp_path, "SELECT 'a' AS arm, 'yes' AS y FROM range(1000)").read_bytes()
    damaged = bytearray(whole)
    damaged[4:40] = b"\xff" * 36
    for content in (whole[:-20], bytes(damaged)):
        with pytest.raises(UnreadableFile):
            read_log(make_file(tmp_path, content, "cut.parquet"), "arm", [BOUGHT])


@pytest.mark.parametrize("text", ["y", "=y", "a=", "a=y:rat", "a=y:ratio", "a=y:ratio/", ""])
def test_a_metric_is_written_in_one_form(text: str) -> None:
    """Anything else is refused with the form."""
    with pytest.raises(InputError, match="NAME=COLUMN"):
        LogMetric.parse(text)


def test_metrics_say_what_they_read() -> None:
    """Names, columns with odd signs, kinds and denominators are taken apart."""
    assert LogMetric.parse("a=y") == LogMetric("a", "y")
    assert LogMetric.parse("a = b=c:mean") == LogMetric("a", "b=c", "mean")
    assert LogMetric.parse("cpa=cost:ratio/n:x") == LogMetric("cpa", "cost", "ratio", "n:x")
    with pytest.raises(ValueError, match="denominator"):
        LogMetric("a", "b", "rate", "c")


rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("mno"), st.integers(0, 3), st.integers(-9, 9)), min_size=1
)


@settings(max_examples=40, deadline=None)
@given(rows, st.booleans())
def test_tallies_are_those_of_a_loop(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, int, int]], gathered: bool
) -> None:
    """The query says what a loop over the rows says, per contact or per row."""
    text = "arm,seg,who,m\n" + "".join(f"{arm},{seg},{arm}{who},{m}\n" for arm, seg, who, m in table)
    people: dict[Any, list[int]] = defaultdict(list)
    for place, (arm, _, who, m) in enumerate(table):
        people[arm, who if gathered else place].append(m)
    log: LogTallies = read_log(
        make_file(tmp_path_factory.mktemp("log"), text),
        "arm",
        [SPENT],
        segment="seg",
        contact="who" if gathered else None,
    )

    for arm in log.arms:
        values = [sum(cells) for (home, _), cells in people.items() if home == arm]
        assert log.tallies("spent")[arm] == Tally.of(values)
        assert log.contacts()[arm] == len(values)
