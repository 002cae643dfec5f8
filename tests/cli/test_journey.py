"""One experiment from `init` to the next round, a command a step."""

import csv
import signal
from pathlib import Path

import pytest

from engine.cli import campaign
from tests import databases
from tests.cli.makers import make_workspace, ringlab

pytestmark = pytest.mark.databases


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, database_place: databases.Place) -> Path:
    """A workspace whose experiment was started and run."""
    folder = tmp_path_factory.mktemp("journey") / "w"
    experiment = make_workspace(folder)
    database = ("--database", databases.here().url(folder))
    assert ringlab("check", str(experiment)).status == 0
    planned = ringlab(*database, "plan", str(experiment))
    assert planned.status == 0, planned.err
    assert not (folder / "ringlab.db").exists()
    assert "people per arm" in planned.out
    started = ringlab("start", str(experiment), *database)
    assert started.status == 0, started.err
    assert "300 contacts imported, 0 rows rejected" in started.out
    ran = ringlab(*database, "run", "--seed", "7")
    assert ran.status == 0, ran.err
    assert "gift-first (decided" in ran.out
    return folder


@pytest.fixture(autouse=True)
def _here(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(played)
    monkeypatch.setenv("RINGLAB_DATABASE_URL", databases.here().url(played))


def test_a_second_start_of_what_is_decided_is_refused() -> None:
    """The next round needs another name."""
    said = ringlab("start", "experiments/gift-first.yaml")

    assert said.status == 1
    assert "decided" in said.err


def test_running_nothing_says_how_to_begin() -> None:
    """With nothing live there is nothing to run."""
    said = ringlab("run")

    assert said.status == 1
    assert "ringlab start" in said.err


def test_status_lists_the_experiment() -> None:
    """The list shows the state; as JSON it is JSON alone."""
    assert "decided" in ringlab("status").out
    said = ringlab("status", "--format", "json")
    assert said.json["experiments"][0]["name"] == "gift-first"


def test_status_tells_what_was_learned() -> None:
    """What decided experiments say together is a table, and JSON alone when asked for."""
    said = ringlab("status", "--learned").out
    assert "gift-first" in said
    assert "shrunken" in said
    found = ringlab("status", "--learned", "--format", "json").json
    assert found["schema"] == "ringlab.learned/1"
    assert found["variables"][0]["options"][0]["tried"][0]["experiment"] == "gift-first"


def test_results_are_the_standing_in_every_form(tmp_path: Path) -> None:
    """Text says the sentence, JSON is the standing, CSV, Parquet and HTML hold its numbers."""
    standing = ringlab("results", "gift-first", "--format", "json").json
    assert standing["schema"] == "ringlab.standing/1"
    assert standing["verdict"]["sentence"] in ringlab("results", "gift-first").out

    rows = list(
        csv.DictReader(ringlab("results", "gift-first", "--format", "csv").out.removeprefix("\ufeff").splitlines())
    )
    assert {row["arm"] for row in rows} == {"control", "gift-first"}

    page = ringlab("results", "gift-first", "--format", "html").out
    assert page.startswith("<!doctype html>")
    assert "http" not in page
    for form in ("csv", "json", "html", "parquet"):
        said = ringlab("results", "gift-first", "--format", form, "-o", str(tmp_path / f"standing.{form}"))
        assert (said.status, said.out) == (0, "")
        assert (tmp_path / f"standing.{form}").stat().st_size


def test_results_that_cannot_be_printed_are_wrong_usage() -> None:
    """A Parquet file goes to a file."""
    assert ringlab("results", "gift-first", "--format", "parquet").status == 2


def test_a_name_that_nothing_has_is_told_with_the_nearest() -> None:
    """The nearest experiment is named."""
    for words in (("results", "gift-fist"), ("next", "gift-fist"), ("pause", "gift-fist"), ("run", "gift-fist")):
        said = ringlab(*words)
        assert said.status == 1
        assert "'gift-first'" in said.err


def test_next_writes_a_file_that_checks_or_says_why_not() -> None:
    """The next round of an open question is a clean file; the confirming round of a decided one is too."""
    for place, words in enumerate(([], ["--confirm"])):
        file = f"experiments/next-{place}.yaml"
        said = ringlab("next", "gift-first", "-o", file, "--name", f"round-{place}", *words)
        assert said.status in (0, 1)
        if said.status == 0:
            assert ringlab("check", file).out == ""
            assert ringlab("next", "gift-first", "-o", file).status == 1
        else:
            assert said.err
            assert not Path(file).exists()


def test_what_is_decided_cannot_be_paused_or_stopped() -> None:
    """The state says what may be asked."""
    for words in (("pause", "gift-first"), ("resume", "gift-first"), ("stop", "gift-first", "--reason", "x")):
        assert ringlab(*words).status == 1
    assert "nothing was running" in ringlab("stop", "--all", "--reason", "x").out
    assert ringlab("stop", "--reason", "x").status == 2


def test_pause_resume_and_stop(tmp_path: Path) -> None:
    """A running experiment is paused, goes on, and is ended for good with the reason kept."""
    experiment = make_workspace(tmp_path / "w", 40)
    database = ("--database", databases.here().url(tmp_path))
    started = ringlab("start", str(experiment), *database, "--format", "json").json
    assert sum(started["assigned"].values()) == 40

    assert ringlab("pause", "gift-first", "--reason", "bad line", *database).status == 0
    assert "bad line" in ringlab("status", *database).out
    assert ringlab("resume", "gift-first", *database).status == 0
    assert "40 planned calls are canceled" in ringlab("stop", "gift-first", "--reason", "over", *database).out


def test_reading_makes_no_database(tmp_path: Path) -> None:
    """Asking about a database that is not there does not make it."""
    database = f"sqlite:///{tmp_path}/none.db"

    for words in (("status",), ("results", "x"), ("run",), ("contacts", "export"), ("database", "check")):
        said = ringlab(*words, "--database", database)
        assert said.status == 1
        assert "there is no Ringlab database" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite
def test_the_database_is_checked_and_copied(tmp_path: Path) -> None:
    """The ledger holds its invariants; a copy is whole and never overwrites."""
    copy = str(tmp_path / "copy.db")

    assert ringlab("database", "check").out == ""
    assert ringlab("database", "backup", copy).status == 0
    assert ringlab("database", "backup", copy).status == 1
    assert ringlab("--database", f"sqlite:///{copy}", "database", "upgrade").status == 0
    assert "decided" in ringlab("status", "--database", f"sqlite:///{copy}").out


def test_a_token_is_shown_alone() -> None:
    """Standard output holds the token and nothing else."""
    said = ringlab("access", "add", "--role", "viewer", "--label", "x")

    assert said.status == 0
    assert len(said.out.split()) == 1


def test_a_run_that_is_interrupted_goes_on_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C finishes the batch in hand and ends with 130; the next run goes on to the verdict."""
    experiment = make_workspace(tmp_path / "w", 60)
    database = ("--database", databases.here().url(tmp_path))
    assert ringlab("start", str(experiment), *database).status == 0

    with monkeypatch.context() as patch:
        patch.setattr(campaign._Watch, "__call__", lambda watch, progress: signal.raise_signal(signal.SIGINT))
        interrupted = ringlab("run", *database)
    finished = ringlab("run", *database, "--format", "json")

    assert interrupted.status == 130
    assert "goes on from here" in interrupted.err
    assert finished.status == 0
    assert finished.json["experiments"][0]["state"] == "decided"
    assert ringlab("database", "check", *database).out == ""


def test_a_paused_experiment_ends_the_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    """Nothing is dialed while it is paused."""
    experiment = make_workspace(tmp_path / "w", 40)
    database = ("--database", databases.here().url(tmp_path))
    assert ringlab("start", str(experiment), *database).status == 0
    assert ringlab("pause", "gift-first", *database).status == 0

    said = ringlab("run", *database)

    assert said.status == 0
    assert "(paused, 0 calls)" in said.out
    assert "ringlab resume gift-first" in said.err
