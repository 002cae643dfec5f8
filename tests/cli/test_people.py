"""The roster, the suppression list and conversions by hand."""

from pathlib import Path

import pytest

from tests.cli.makers import ringlab


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGLAB_DATABASE_URL", f"sqlite:///{tmp_path}/ringlab.db")


def make_contacts(count: int = 3) -> Path:
    """A contact file under its brand's own column names."""
    path = Path("buyers.csv")
    rows = [f"C{place},1990000{place:04},王女士,T{place}" for place in range(count)]
    path.write_text("\n".join(["customer_id,mobile,name,city", *rows, "C9,12,x,T9"]) + "\n", encoding="utf-8")
    return path


def imported() -> None:
    """A roster of three."""
    make_contacts()
    said = ringlab("contacts", "import", "buyers.csv", "--columns", "key=customer_id,phone=mobile,name=name")
    assert said.status == 0, said.err
    assert "3 contacts are in the roster, 1 rows rejected" in said.out


def test_contacts_go_in_and_out() -> None:
    """What is imported is exported; the rows that cannot be used are kept beside the database with their reason."""
    imported()

    said = ringlab("contacts", "export")

    assert said.out.count("+86199") == 3
    assert "C9" in Path("buyers.rejects.csv").read_text(encoding="utf-8-sig")
    assert ringlab("contacts", "export", "-o", "all.csv").status == 0
    assert Path("all.csv").read_bytes() == said.out.encode()
    assert ringlab("contacts", "export", "--format", "parquet", "-o", "all.parquet").status == 0
    assert ringlab("contacts", "export", "--format", "parquet").status == 2


def test_a_second_import_changes_nothing() -> None:
    """The same file again leaves the roster as it was."""
    imported()
    before = ringlab("contacts", "export").out
    imported()

    assert ringlab("contacts", "export").out == before


def test_columns_that_cannot_be_are_told() -> None:
    """A field that contacts do not have is told with the nearest; a column that the file lacks too."""
    make_contacts()

    assert "'phone'" in ringlab("contacts", "import", "buyers.csv", "--columns", "phon=mobile").err
    assert ringlab("contacts", "import", "buyers.csv", "--columns", "mobile").status == 2
    assert "there is no column 'key'" in ringlab("contacts", "import", "buyers.csv").err


def test_a_contact_is_shown_masked() -> None:
    """The number and the name are hidden unless they are asked for."""
    imported()

    masked, whole = ringlab("contacts", "show", "C1"), ringlab("contacts", "show", "C1", "--reveal")

    assert "+8619900000001" not in masked.out
    assert "王女士" not in masked.out
    assert "+8619900000001" in whole.out
    assert ringlab("contacts", "show", "+8619900000001", "--format", "json").json["key"] == "C1"


def test_a_contact_that_is_not_there_is_told_without_the_number() -> None:
    """A number in an error is masked."""
    imported()

    said = ringlab("contacts", "show", "+8619900000099")

    assert said.status == 1
    assert "19900000099" not in said.err


def test_erasing_asks_first_and_then_forgets() -> None:
    """Without --yes nothing happens; with it the person is gone, and no import is needed to see that."""
    imported()

    assert ringlab("contacts", "erase", "C1").status == 1
    assert ringlab("contacts", "show", "C1").status == 0
    assert ringlab("contacts", "erase", "C1", "--yes").status == 0

    assert ringlab("contacts", "show", "C1").status == 1
    assert "19900000001" not in ringlab("contacts", "export").out
    assert b"19900000001" not in Path("ringlab.db").read_bytes()
    assert ringlab("database", "check").out == ""


def test_numbers_are_suppressed_and_let_go() -> None:
    """Added by hand or from standard input, a number is on the list until it is removed."""
    assert "1 numbers added" in ringlab("suppress", "add", "19900000001").out
    assert "2 numbers added" in ringlab("suppress", "add", "-", stdin="19900000002\n\n19900000003\n").out
    assert ringlab("suppress", "check", "199 0000 0001").status == 1
    assert ringlab("suppress", "check", "-", stdin="19900000009").status == 0
    assert ringlab("suppress", "export").out.count("+86199") == 3
    assert ringlab("suppress", "export", "-o", "list.csv").status == 0
    assert "1 numbers removed" in ringlab("suppress", "remove", "19900000001").out
    assert ringlab("suppress", "check", "19900000001").status == 0


def test_a_number_that_is_none_is_told_without_itself() -> None:
    """Nothing is added when one number cannot be, and the error does not show it."""
    assert ringlab("suppress", "add", "19900000005").status == 0
    said = ringlab("suppress", "add", "19900000001", "1990000")

    assert said.status == 1
    assert "number 2" in said.err
    assert "1990000" not in said.err
    assert ringlab("suppress", "check", "19900000001").status == 0


def test_a_list_is_imported() -> None:
    """A file's numbers go on the list, its bad rows to a rejects file, a second time nothing."""
    Path("dnc.csv").write_text("mobile\n19900000001\n12\n", encoding="utf-8")

    first = ringlab("suppress", "import", "dnc.csv", "--column", "mobile", "--format", "json").json
    second = ringlab("suppress", "import", "dnc.csv", "--column", "mobile", "--format", "json").json

    assert (first["read"], first["new"], first["rejected"]) == (2, 1, 1)
    assert second["new"] == 0
    assert "there is no column 'phone'" in ringlab("suppress", "import", "dnc.csv").err


def test_conversions_by_number_find_their_contact_and_are_counted_once() -> None:
    """A conversion is known by its id; a number that nobody has is rejected and kept nowhere."""
    imported()
    rows = [
        "id,phone,event,at",
        "1,19900000001,friend_added,2026-11-23 09:00",
        "2,19900000077,friend_added,2026-11-23 09:00",
    ]
    Path("friends.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    first = ringlab("conversions", "import", "friends.csv", "--format", "json").json
    second = ringlab("conversions", "import", "friends.csv", "--format", "json").json

    assert (first["read"], first["new"], first["rejected"]) == (2, 1, 1)
    assert second["new"] == 0
    assert b"19900000077" not in Path("ringlab.db").read_bytes()


def test_conversions_that_come_before_their_contact_are_joined() -> None:
    """What is heard early is kept and joined when the contact comes."""
    Path("friends.csv").write_text("id,contact,event,at\n1,C1,friend_added,2026-11-23 09:00\n", encoding="utf-8")
    assert "1 conversions are new" in ringlab("conversions", "import", "friends.csv").out
    make_contacts()

    said = ringlab("contacts", "import", "buyers.csv", "--columns", "key=customer_id,phone=mobile", "--format", "json")

    assert said.json["joined"] == 1


def test_a_consent_is_taken_back_by_hand() -> None:
    """What a file says of a consent is shown, and withdrawn with what was planned; a second time says so."""
    rows = ["id,mobile,agreed", "C0,19900000000,yes", "C1,19900000001,"]
    Path("agreed.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert ringlab("contacts", "import", "agreed.csv", "--columns", "key=id,phone=mobile,consent=agreed").status == 0
    assert ringlab("contacts", "show", "C0", "--format", "json").json["consent"] == "express"
    assert ringlab("contacts", "show", "C1", "--format", "json").json["consent"] is None

    assert "is withdrawn" in ringlab("contacts", "withdraw", "C0").out
    assert "no consent before" in ringlab("contacts", "withdraw", "C1").out

    for key in ("C0", "C1"):
        assert ringlab("contacts", "show", key, "--format", "json").json["consent"] == "withdrawn"
    assert ringlab("contacts", "withdraw", "C7").status == 1


def test_a_national_list_is_imported_by_its_name() -> None:
    """Under a name that some region asks for; the export says what each number is on the list for."""
    Path("dncl.csv").write_text("phone\n+14165550123\n", encoding="utf-8")
    assert "did you mean 'ca-dncl'" in ringlab("suppress", "import", "dncl.csv", "--list", "ca-dnc").err

    said = ringlab("suppress", "import", "dncl.csv", "--list", "ca-dncl", "--region", "CA", "--replace")

    assert said.status == 0, said.err
    assert "+14165550123,imported,ca-dncl," in ringlab("suppress", "export").out
    assert ",national," in ringlab("suppress", "export").out
