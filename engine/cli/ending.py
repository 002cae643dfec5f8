"""How a command ends.

| status | means |
|---|---|
| 0 | fine |
| 1 | the input or the result is wrong; the message says how to cure it |
| 2 | wrong usage; the nearest right word is named |
| 3 | a bug; a report without personal data is in the temporary folder |
| 130 | Ctrl-C, after the work in hand was finished |

A reader that goes away (`ringlab results x | head`) is no trouble.
"""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from typer.exceptions import Exit, TyperException

from engine.errors import RinglabError

FINE, WRONG, MISUSED, BUG, INTERRUPTED = 0, 1, 2, 3, 130


def run(arguments: Sequence[str]) -> int:
    """Do what the words say; returns the exit status, never raises."""
    _speak_any_letter()
    try:
        status = _carry_out(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _close_output()
        return FINE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except SystemExit as end:  # a server that cannot listen has said why
        return WRONG if end.code else FINE
    except UnicodeEncodeError as error:
        if all(map(_is_text, arguments)):
            return _report_bug(error)
        _complain("a word of the command is not UTF-8 text; only names of files may be other than that")
        return MISUSED
    except Exception as error:  # the last place that can say what happened
        return _report_bug(error)


def _is_text(word: str) -> bool:
    """Whether a word came as UTF-8: other bytes come as halves of letters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


def _carry_out(arguments: Sequence[str]) -> int:
    from engine.cli.app import command

    try:
        with command().make_context("ringlab", list(arguments)) as context:
            context.command.invoke(context)
    except Exit as end:
        return end.exit_code
    except TyperException as error:
        return _misused(error)
    except RinglabError as error:
        _complain(str(error))
        return WRONG
    return FINE


def _misused(error: TyperException) -> int:
    show = getattr(error, "show", None)
    if show is None:
        _complain(error.format_message())
    else:
        show(file=sys.stderr)
    return error.exit_code


def _complain(message: str) -> None:
    try:
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        _close_output()


def _speak_any_letter() -> None:
    """A letter that the terminal's encoding lacks is written as its escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _close_output() -> None:
    """Let what is still buffered go nowhere, so that Python's own end finds no closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, io.UnsupportedOperation):  # a stream of a program that calls this one, not of a process
            continue


def _report_bug(error: Exception) -> int:
    import tempfile

    now = datetime.now(UTC)
    path = Path(tempfile.gettempdir()) / f"ringlab-bug-{now:%Y%m%dT%H%M%S%f}.txt"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(_told(error, now))
    except OSError:
        _complain(f"this is a bug in Ringlab ({type(error).__name__}), and {path} could not be written")
        return BUG
    _complain(f"this is a bug in Ringlab ({type(error).__name__}); {path} tells where, and holds no personal data")
    return BUG


def _told(error: BaseException, now: datetime) -> Iterator[str]:
    """Where each error of the chain was raised. Neither messages nor values: they may name a person."""
    import platform
    import traceback

    yield f"ringlab {_version()}, Python {platform.python_version()}, {platform.system()}, {now:%Y-%m-%d %H:%M} UTC\n"
    link: BaseException | None = error
    while link is not None:
        yield f"\n{type(link).__module__}.{type(link).__qualname__}\n"
        yield from traceback.format_tb(link.__traceback__)
        link = link.__cause__ or link.__context__


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ringlab")
    except PackageNotFoundError:
        return "from its folder"
