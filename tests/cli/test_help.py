"""Every command explains itself."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from engine.cli.app import command
from tests.cli.makers import ringlab

PROMISED = [
    "init", "check", "schema", "plan", "start", "run", "serve", "status", "results", "pause", "resume", "stop",
    "next", "compare", "analyze", "power", "simulate", "demo", "contacts/import", "contacts/export", "contacts/show",
    "contacts/erase", "contacts/withdraw", "suppress/add",
    "suppress/remove", "suppress/import", "suppress/export", "suppress/check",
    "conversions/import", "scripts/list", "scripts/show", "scripts/check", "scripts/diff", "scripts/preview",
    "adapters/list", "adapters/check", "database/upgrade", "database/backup", "database/check",
]  # fmt: skip


def _paths(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in group.commands.items():
        if hasattr(inner, "commands"):
            yield from _paths(inner, (*before, name))
        else:
            yield (*before, name)


PATHS = list(_paths(command()))


def test_every_promised_command_is_there() -> None:
    """No command of the published interface is missing."""
    assert set(PROMISED) <= {"/".join(path) for path in PATHS}


@pytest.mark.parametrize("path", PATHS, ids="/".join)
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    """`--help` of every command says what it does and shows an example that begins with it."""
    said = ringlab(*path, "--help")

    assert said.status == 0
    assert f"Example:\n    ringlab {' '.join(path)}" in said.out


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path[0] not in ("compare", "power", "analyze")], ids="/".join
)
def test_an_unknown_option_is_wrong_usage(path: tuple[str, ...]) -> None:
    """An option that does not exist ends any command with 2."""
    said = ringlab(*path, "--no-such-thing")

    assert said.status == 2
    assert said.out == ""


def test_the_command_alone_shows_the_help() -> None:
    """`ringlab` without words lists the commands."""
    assert "analyze" in ringlab().err + ringlab().out


def test_help_loads_nothing_heavy() -> None:
    """Listing the commands waits for no database, no statistics and no YAML."""
    code = (
        "import sys; from engine.cli.ending import run; run(['--help'])\n"
        "heavy = {'pydantic', 'numpy', 'scipy', 'sqlalchemy', 'duckdb', 'jinja2', 'ruamel', 'fastapi', 'rich'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_check_loads_no_statistics_and_no_database(tmp_path: Any) -> None:
    """Checking a file is quick: what it does not need is not loaded."""
    code = (
        "import sys; from engine.cli.ending import run; run(['init', 'w'])\n"
        "for name in [n for n in sys.modules if n.startswith(('engine.', 'numpy', 'duckdb'))]: del sys.modules[name]\n"
        "from engine.cli.ending import run; status = run(['check', 'w/experiments/gift-first.yaml'])\n"
        "heavy = {'numpy', 'scipy', 'sqlalchemy', 'duckdb', 'fastapi', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else status)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
