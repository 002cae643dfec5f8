"""What rests after trouble is shown where people look, in both languages, and told to Prometheus."""

from datetime import timedelta

import pytest

from dashboards.pages.resting import rest_lines
from dashboards.rendering.languages import words
from engine.steps.troubles import Resting
from tests.dashboards.makers import NOW, Steps, make_client, make_results, sign_in

NAME = "gift-first-2026-11"


def make_resting(subject: str = "account", **changes: object) -> Resting:
    values: dict[str, object] = {
        "subject": subject, "name": "http/1a2b3c4d" if subject == "account" else "http/1a2b3c4d/4008000000",
        "trouble": "technical", "since": NOW - timedelta(minutes=1), "until": NOW + timedelta(minutes=4),
        "on_trial": False, "experiments": (NAME,),
    }  # fmt: skip
    return Resting(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("The account http/1a2b3c4d rests", "calls failed at the provider")),
        ("zh-CN", ("线路账户 http/1a2b3c4d 暂停休整", "线路方呼叫失败过多")),
    ],
)
@pytest.mark.parametrize("path", ["/", f"/experiments/{NAME}"])
def test_what_rests_is_shown(path: str, language: str, said: tuple[str, ...]) -> None:
    """Home and the experiment's page say what rests, why, until when, and how to go on at once."""
    steps = Steps(results=make_results(resting=(make_resting(),)))
    steps.resting = (make_resting(),)
    with steps_in_place(steps):
        client = make_client()
        sign_in(client, "viewer-token")
        page = client.get(path, params={"lang": language}).text
    for text in (*said, f"ringlab resume {NAME}", "2026-11-24T10:04"):
        assert text in page, text


def steps_in_place(steps: Steps):
    """The engine's steps replaced while a test runs."""
    from contextlib import ExitStack

    stack = ExitStack()
    for one in steps.patches():
        stack.enter_context(one)
    return stack


def test_who_is_tried_again_has_no_end_to_wait_for() -> None:
    """After the rest some calls try the line: that is said, and no time."""
    (line,) = rest_lines((make_resting("caller", on_trial=True, trouble="high_risk"),), words("en"))
    assert line.what == "The caller number http/1a2b3c4d/4008000000 is tried again with a few calls"
    assert (line.until, line.why) == (None, "calls were blocked as spam or high risk")


def test_what_rests_is_metered() -> None:
    """Prometheus reads how many accounts and numbers rest, why, and until when; no name is in it."""
    steps = Steps()
    steps.resting = (make_resting(), make_resting("caller", trouble="high_risk"))
    with steps_in_place(steps):
        client = make_client()
        read = client.get("/metrics").text
        steps.resting = ()
        after = client.get("/metrics").text
    assert 'ringlab_resting{subject="account",trouble="technical"} 1.0' in read
    assert 'ringlab_resting_until_seconds{subject="caller",trouble="high_risk"} 1.79551464e+09' in read
    assert "4008000000" not in read
    assert 'ringlab_resting{subject="account",trouble="technical"} 0.0' in after
    assert "ringlab_resting_until_seconds{" not in after
