"""How a command ends, whatever happens."""

import tempfile
from pathlib import Path

import pytest

from engine.cli import ending
from engine.cli.draining import drained
from engine.errors import InputError
from tests.cli.makers import ringlab

NUMBER = "+8619900000123"


def test_a_mistyped_command_is_named() -> None:
    """Wrong usage is 2, and the nearest command is named."""
    said = ringlab("reslts", "x")

    assert said.status == 2
    assert "results" in said.err
    assert said.out == ""


def test_a_mistyped_option_is_named() -> None:
    """The nearest option is named."""
    said = ringlab("compare", "a=1/2", "b=1/2", "--contrl", "a")

    assert said.status == 2
    assert "--control" in said.err


def test_wrong_input_is_a_message(tmp_path: Path) -> None:
    """Wrong input is 1, a message on standard error, and nothing on standard output."""
    said = ringlab("analyze", str(tmp_path / "none.csv"), "--arm", "a", "--control", "b", "--metric", "c=d")

    assert said.status == 1
    assert said.out == ""
    assert "none.csv" in said.err
    assert "Traceback" not in said.err


def test_a_bug_leaves_a_report_without_personal_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is 3; its report says where, and neither what the message said nor what the command was given."""

    def fail(words: object) -> int:
        try:
            raise ValueError(f"{NUMBER} cannot be")
        except ValueError as error:
            raise KeyError(NUMBER) from error

    monkeypatch.setattr(ending, "_carry_out", fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    said = ringlab("contacts", "show", NUMBER)

    (report,) = tmp_path.glob("ringlab-bug-*.txt")
    text = report.read_text(encoding="utf-8")
    assert said.status == 3
    assert str(report) in said.err
    assert "in fail" in text
    assert "builtins.KeyError" in text
    assert "builtins.ValueError" in text
    assert NUMBER not in text + said.err
    assert report.stat().st_mode & 0o077 == 0


def test_a_bug_whose_report_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a temporary folder a bug is still 3 and says so."""
    monkeypatch.setattr(ending, "_carry_out", lambda words: 1 / 0)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")

    said = ringlab("status")

    assert said.status == 3
    assert "ZeroDivisionError" in said.err


@pytest.mark.parametrize(
    ("raised", "status"),
    [(BrokenPipeError(), 0), (KeyboardInterrupt(), 130), (SystemExit(3), 1), (SystemExit(0), 0), (InputError("x"), 3)],
)
def test_every_end_has_its_status(raised: BaseException, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that goes away is no trouble, Ctrl-C is 130, a server that cannot listen is 1."""

    def fail(words: object) -> int:
        raise raised

    monkeypatch.setattr(ending, "_carry_out", fail)
    monkeypatch.setattr(ending, "_close_output", lambda: None)

    assert ringlab("status").status == status


def test_a_wish_to_end_is_heard_and_the_second_ends_at_once() -> None:
    """Ctrl-C lets the batch in hand finish; twice, it interrupts."""
    import signal

    with drained() as draining:
        signal.raise_signal(signal.SIGINT)
        assert draining.status == 130
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_being_told_to_terminate_is_a_good_end() -> None:
    """SIGTERM drains and ends with 0; who waits is told."""
    import signal

    told: list[bool] = []
    with drained(lambda: told.append(True)) as draining:
        signal.raise_signal(signal.SIGTERM)

    assert draining.status == 0
    assert told == [True]


def test_serve_without_anything_to_do_is_wrong_usage() -> None:
    """Neither pages nor calls is nothing."""
    assert ringlab("serve", "--no-web", "--no-dispatch").status == 2
