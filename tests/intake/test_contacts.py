"""Rows as contacts, and rows that are none."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.contacts import Contact, ContactColumns
from engine.errors import NotFound, ProblemsFound, UnreadableFile
from engine.intake.contacts import read_contacts
from engine.intake.rejects import Reject, write_rejects
from engine.intake.rows import open_rows
from tests.intake.makers import PHONES, contacts_of, make_file, make_parquet

ALL = ContactColumns(
    key="id", phone="mobile", name="name", timezone="tz", ordered_at="paid", recency="r", frequency="f", monetary="m"
)


def test_a_row_becomes_a_contact(tmp_path: Path) -> None:
    """Named columns mean what they are named for; every other column is an attribute."""
    path = make_file(
        tmp_path, f"id,mobile,name,tz,paid,segment\nc1,{PHONES[0]},小明,Asia/Urumqi,2026-11-23 09:00,new\n"
    )
    columns = ContactColumns(key="id", phone="mobile", name="name", timezone="tz", ordered_at="paid")

    assert contacts_of(path, columns) == (
        [
            Contact(
                "c1", f"+86{PHONES[0]}", "CN", ("Asia/Urumqi",), "小明",
                datetime(2026, 11, 23, 3, 0, tzinfo=UTC), {"segment": "new"},
            )
        ],
        [],
    )  # fmt: skip


def test_parquet_and_csv_give_the_same_contacts(tmp_path: Path) -> None:
    """Numbers that Parquet keeps as numbers are the same people."""
    table = make_parquet(tmp_path, "SELECT 'c' || i AS id, 13800000000 + i AS mobile, i AS visits FROM range(9) t(i)")
    text = make_file(tmp_path, "id,mobile,visits\n" + "".join(f"c{i},{13800000000 + i}.0,{i}\n" for i in range(9)))

    assert contacts_of(table)[0] == contacts_of(text)[0]
    assert len(contacts_of(text)[0]) == 9


@pytest.mark.parametrize(
    ("row", "reason", "cure"),
    [
        (f",{PHONES[0]},,,,", "there is no key", "fill in"),
        (f"1.23E+15,{PHONES[0]},,,,", "the key was rounded", "text in Excel"),
        ("c1,,,,,", "there is no phone number", "fill it in"),
        ("c1,1.38E+10,,,,", "rounded by a spreadsheet", "text in Excel"),
        ("c1,12345678901,,,,", "phone number", "correct it"),
        (f"c1,{PHONES[0]},Asia/Shangai,,,", "did you mean 'Asia/Shanghai'", "IANA zone"),
        (f"c1,{PHONES[0]},,23/11/2026,,", "time cannot be understood", "2026-11-23 09:00"),
        (f"c1,{PHONES[0]},,,x,", "recency is not a number", "plain number"),
        (f"c1,{PHONES[0]},,,-3,", "recency is a count of days", "plain number"),
        (f"c1,{PHONES[0]},,,3,nan", "monetary is not a number", "plain number"),
    ],
)
def test_a_row_that_is_no_contact_says_why(tmp_path: Path, row: str, reason: str, cure: str) -> None:
    """Each way to be unusable has its reason, cure and line, and keeps the row for correction."""
    path = make_file(tmp_path, f"id,mobile,tz,paid,r,m\n{row}\nc2,{PHONES[1]},,,1,1\n")
    columns = ContactColumns(key="id", phone="mobile", timezone="tz", ordered_at="paid", recency="r", monetary="m")

    contacts, rejects = contacts_of(path, columns)

    assert [contact.key for contact in contacts] == ["c2"]
    assert [reject.line for reject in rejects] == [2]
    assert reason in rejects[0].reason
    assert cure in rejects[0].cure
    assert rejects[0].values == tuple(row.split(","))
    assert PHONES[0] not in rejects[0].reason + rejects[0].cure


@pytest.mark.parametrize("size", [1, 2, 10_000])
def test_one_person_is_taken_once(tmp_path: Path, size: int) -> None:
    """A key or a number that an accepted row has is rejected with that row's line; a rejected row claims nothing."""
    path = make_file(
        tmp_path,
        f"id,mobile\nc1,{PHONES[0]}\nc1,{PHONES[1]}\nc2,+86 {PHONES[0]}\n"
        f"c2,{PHONES[2]}\nc3,{PHONES[1]}\nc3,{PHONES[3]}\n",
    )

    contacts, rejects = contacts_of(path, size=size)

    assert [(contact.key, contact.phone[-1]) for contact in contacts] == [("c1", "1"), ("c2", "3"), ("c3", "2")]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (3, "the key is that of line 2"),
        (4, "the phone number is that of line 2"),
        (7, "the key is that of line 6"),
    ]


def test_every_missing_column_is_named_at_once(tmp_path: Path) -> None:
    """Missing columns are one answer, each with the nearest that the file has, before any row is read."""
    path = make_file(tmp_path, f"id,mobile,Name\nc1,{PHONES[0]},x\n")

    with pytest.raises(ProblemsFound) as refused:
        read_contacts(path, ContactColumns(key="idd", phone="mobil", name="Name", timezone="tz"), "CN")

    assert [str(problem).removeprefix(f"{path}:1:0: ") for problem in refused.value.problems] == [
        "there is no column 'idd' for `key`; did you mean 'id'?",
        "there is no column 'mobil' for `phone`; did you mean 'mobile'?",
        "there is no column 'tz' for `timezone`; known: Name, id, mobile",
    ]


def test_an_unknown_region_is_refused_before_any_row(tmp_path: Path) -> None:
    """The region is checked when the file is opened."""
    with pytest.raises(NotFound, match="region"):
        read_contacts(make_file(tmp_path, "id,mobile\n"), ContactColumns(key="id", phone="mobile"), "China")


def test_value_tiers_are_thirds_of_the_file(tmp_path: Path) -> None:
    """With recency, frequency and monetary declared, thirds of the file are high, mid and low; a blank is unknown."""
    rows = "".join(f"c{i},{PHONES[i]},,,,9,{i % 3},{i}\n" for i in range(1, 31))
    path = make_file(tmp_path, f"id,mobile,name,tz,paid,r,f,m\n{rows}x,{PHONES[40]},,,,9,,1\n")

    tiers = [contact.attributes["value_tier"] for contact in contacts_of(path, ALL)[0]]

    assert [tiers.count(tier) for tier in ("high", "mid", "low", "unknown")] == [10, 10, 10, 1]
    scores = {place: (place % 3) * place for place in range(1, 31)}
    assert {tiers[place - 1] for place in scores if scores[place] == 0} == {"low"}
    assert tiers[28] == "high"


def test_tiers_do_not_depend_on_the_order(tmp_path: Path) -> None:
    """A shuffled file gives every contact the same tier, and keeps the numbers as attributes."""
    rows = [f"c{i},{PHONES[i]},,,,{i},{i % 4},{i % 7}.5" for i in range(1, 40)]
    head = "id,mobile,name,tz,paid,r,f,m\n"

    def tiers(lines: list[str]) -> dict[str, str]:
        return {
            contact.key: contact.attributes["value_tier"]
            for contact in contacts_of(make_file(tmp_path, head + "\n".join(lines)), ALL)[0]
        }

    assert tiers(rows) == tiers(rows[::-1])
    assert contacts_of(make_file(tmp_path, head + rows[0]), ALL)[0][0].attributes["m"] == "1.5"


def test_a_tier_of_the_file_is_kept(tmp_path: Path) -> None:
    """A file that has tiers of its own keeps them."""
    path = make_file(tmp_path, f"id,mobile,m,value_tier\nc1,{PHONES[0]},5,gold\n")

    contacts, _ = contacts_of(path, ContactColumns(key="id", phone="mobile", monetary="m"))

    assert contacts[0].attributes == {"m": "5", "value_tier": "gold"}


def test_rejects_are_written_for_correction(tmp_path: Path) -> None:
    """The rejects file has line, reason, cure and the row; only its owner reads it; corrected, it is imported."""
    path = make_file(tmp_path, f"id,mobile,note\nc1,1.38E+10,=1+1\nc2,{PHONES[1]},x,y\n")
    _, rejects = contacts_of(path)
    target = tmp_path / "rejects.csv"
    target.touch(mode=0o644)

    assert write_rejects(target, open_rows(path).columns, rejects) == 2
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    lines = target.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "line,reason,cure,id,mobile,note"
    assert lines[1].startswith("2,the phone number was rounded by a spreadsheet")
    assert lines[1].endswith(",c1,1.38E+10,'=1+1")
    assert lines[2].endswith(f",c2,{PHONES[1]},x,y")

    target.write_text("\n".join([lines[0], lines[1].replace("1.38E+10", PHONES[0])]), encoding="utf-8-sig")
    assert contacts_of(target)[0][0].attributes["note"] == "=1+1"


def test_rejects_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    """A folder that does not exist is an error with a cure."""
    with pytest.raises(UnreadableFile, match="cannot be written"):
        write_rejects(tmp_path / "none" / "rejects.csv", ["id"], [Reject(2, "why", "what")])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(PHONES[:5])), max_size=12), st.integers(1, 4))
def test_accepted_contacts_are_all_different(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int
) -> None:
    """Whatever the file and the batches, keys and numbers accepted are unique, and each row is either or."""
    text = "id,mobile\n" + "".join(f"{key},{phone}\n" for key, phone in rows)
    contacts, rejects = contacts_of(make_file(tmp_path_factory.mktemp("law"), text), size=size)

    assert len(contacts) + len(rejects) == len(rows)
    assert len({contact.key for contact in contacts}) == len(contacts) == len({contact.phone for contact in contacts})
    lines = dict(enumerate(rows, start=2))
    for reject in rejects:
        first = int(reject.reason.rsplit(" ", 1)[1])
        assert set(lines[first]) & set(lines[reject.line])
        assert first < reject.line
