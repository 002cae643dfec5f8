"""Conversions from the brand's own systems."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.core.events import Conversion
from engine.errors import InputError, ProblemsFound
from engine.intake.conversions import ConversionBatch, read_conversions
from tests.intake.makers import PHONES, make_file, make_parquet

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def all_of(path: Path, **how: str) -> tuple[list[Conversion], list[tuple[int, str]], set[str]]:
    batches: list[ConversionBatch] = list(read_conversions(path, "CN", **how))  # type: ignore[arg-type]
    return (
        [one for batch in batches for one in batch.conversions],
        [(reject.line, reject.reason) for batch in batches for reject in batch.rejects],
        {batch.named_by for batch in batches},
    )


@pytest.mark.parametrize(
    "header",
    ["id,contact,event,at,value", "ID,Customer_ID,Event Name,Occurred At,Amount", "订单号,客户编号,事件,时间,金额"],
)
def test_columns_are_known_by_many_names(tmp_path: Path, header: str) -> None:
    """Case, spaces, underscores and language of a header do not matter."""
    path = make_file(tmp_path, f"{header}\nx1,c1,friend_added,2026-11-23 09:00,12.5\nx2,c2,ordered,1795395600,\n")

    assert all_of(path) == (
        [Conversion("x1", "c1", "friend_added", AT, 12.5), Conversion("x2", "c2", "ordered", AT)],
        [],
        {"key"},
    )


def test_people_may_be_named_by_number(tmp_path: Path) -> None:
    """Without keys a number names the contact, as E.164; the batch says so."""
    path = make_file(
        tmp_path, f"id,手机号,event,at\nx1,{PHONES[0]},ordered,2026-11-23 09:00\nx2,123,ordered,1795395600\n"
    )

    conversions, rejects, named_by = all_of(path)

    assert [one.contact for one in conversions] == [f"+86{PHONES[0]}"]
    assert [line for line, _ in rejects] == [3]
    assert named_by == {"phone"}


def test_without_ids_a_repeated_fact_has_one_id(tmp_path: Path) -> None:
    """A file without ids gives equal facts equal ids and different facts different ones, every time it is read."""
    rows = "c1,2026-11-23 09:00\nc1,2026-11-23 09:00\nc2,2026-11-23 09:00\nc1,2026-11-23 09:01\n"
    path = make_file(tmp_path, f"contact,time\n{rows}")

    first = [one.id for one in all_of(path, event="ordered")[0]]

    assert first == [one.id for one in all_of(path, event="ordered")[0]]
    assert first[0] == first[1]
    assert len(set(first)) == 3


def test_times_are_on_the_zones_clock(tmp_path: Path) -> None:
    """A zone can be named; an unknown one is refused."""
    path = make_file(tmp_path, "id,contact,event,at\nx1,c1,ordered,2026-11-23 10:00\n")

    assert all_of(path, zone="Asia/Tokyo")[0][0].at == AT
    with pytest.raises(InputError, match="IANA zone"):
        read_conversions(path, "CN", zone="Tokyo")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",c1,ordered,1795395600,1", "no id"),
        ("x,,ordered,1795395600,1", "no contact"),
        ("x,c1,,1795395600,1", "no event"),
        ("x,c1,ordered,then,1", "time"),
        ("x,c1,ordered,,1", "time"),
        ("x,c1,ordered,1795395600,much", "value"),
        ("x,c1,ordered,1795395600,inf", "value"),
    ],
)
def test_a_row_that_is_no_conversion_says_why(tmp_path: Path, row: str, reason: str) -> None:
    """Each way to be unusable has its reason and its line."""
    conversions, rejects, _ = all_of(make_file(tmp_path, f"id,contact,event,at,value\n{row}\n"))

    assert not conversions
    assert rejects[0][0] == 2
    assert reason in rejects[0][1]


def test_missing_columns_are_named_at_once(tmp_path: Path) -> None:
    """A file without the needed columns is refused with all that it lacks."""
    with pytest.raises(ProblemsFound) as refused:
        read_conversions(make_file(tmp_path, "name,value\nx,1\n"), "CN")

    assert len(refused.value.problems) == 3


def test_parquet_times_are_instants(tmp_path: Path) -> None:
    """Parquet's own timestamps, with and without a zone, are read."""
    path = make_parquet(
        tmp_path,
        "SELECT 'x1' AS id, 'c1' AS contact, 'ordered' AS event, TIMESTAMP '2026-11-23 09:00' AS at, 3 AS value",
    )

    assert all_of(path)[0] == [Conversion("x1", "c1", "ordered", AT, 3.0)]
