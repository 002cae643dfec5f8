"""Whatever is typed, no command breaks."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.makers import ringlab

COMMANDS = [
    "plan", "start", "next", "status", "results", "pause", "resume", "stop", "schema", "check", "simulate",
    "contacts import", "contacts export", "contacts show", "contacts erase", "contacts withdraw",
    "suppress add", "suppress remove",
    "suppress import", "suppress check", "conversions import", "scripts show", "scripts check", "scripts diff",
    "scripts preview", "adapters list", "adapters check", "calls unknown", "calls settle", "database backup",
    "database upgrade", "access add",
]  # fmt: skip
WORDS = st.one_of(
    st.text(max_size=12).filter(lambda word: "/" not in word),
    st.sampled_from(
        ["", "-", "--", "..", "+8619900000001", "--yes", "--format", "json", "--region", "ZZ", "--all", "\ud800"]
    ),
)


@given(command=st.sampled_from(COMMANDS), words=st.lists(WORDS, max_size=4))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: list[str]
) -> None:
    """A result, what is wrong with the words, or how the command is used; never a bug."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGLAB_DATABASE_URL", f"sqlite:///{tmp_path}/ringlab.db")

    said = ringlab(*command.split(), *words)

    assert said.status in (0, 1, 2), said.err
    assert "Traceback" not in said.err
    assert said.out or said.err or said.status == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://x/y",
        "sqlite:////nowhere/at/all.db",
        "sqlite:///.",
        "postgresql://",
        "\x00",
        "sqlite:///a\x00b",
    ],
)
def test_any_database_url_is_answered(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be is told with the cure."""
    monkeypatch.chdir(tmp_path)

    said = ringlab("--database", url, "status")

    assert said.status == 1, said.err
    assert said.err
