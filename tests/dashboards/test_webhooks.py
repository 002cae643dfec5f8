"""Providers' reports, tracked links, health and meters."""

import pytest

from engine.errors import AdapterError, DatabaseError, Forged, NotFound, Stale
from engine.steps.keeping import Keeper
from tests.dashboards.makers import Steps, make_client


def test_report_reaches_the_engine_byte_for_byte(steps: Steps) -> None:
    """A webhook needs no token: its body is handed on as it came, with the address that was called."""
    body = b'{"b": 1,  "a": "\xe4\xbd\xa0"}'
    answer = make_client().post("/webhooks/simulated?key=1", content=body, headers={"X-Signature": "s"})
    assert answer.status_code == 200
    (heard,) = [asked for asked in steps.asked if asked[0] == "verified"]
    assert heard[1] == "simulated"
    assert heard[2]["x-signature"] == "s"
    assert heard[3] == body
    assert heard[4] == "http://testserver/webhooks/simulated?key=1"


def test_report_is_checked_against_the_public_address(steps: Steps) -> None:
    """Behind a proxy the address that the provider signed is the public one."""
    make_client(public_url="https://calls.example").post("/webhooks/simulated", content=b"{}")
    (heard,) = [asked for asked in steps.asked if asked[0] == "verified"]
    assert heard[4] == "https://calls.example/webhooks/simulated"


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(Forged("no"), 401), (Stale("old"), 401), (NotFound("adapter", "x"), 404), (AdapterError("not JSON"), 400)],
)
def test_what_cannot_be_believed_is_refused(steps: Steps, trouble: Exception, status: int) -> None:
    """A forged, stale or unreadable report, or one of nobody, is not answered with 200."""
    steps.raises["verified"] = trouble
    answer = make_client().post("/webhooks/simulated", content=b"{}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("trouble", [DatabaseError("the disk is full"), RuntimeError("a bug about +8613900001234")])
def test_what_is_not_on_the_disk_is_not_answered_with_200(steps: Steps, trouble: Exception) -> None:
    """A report that could not be stored is to be sent again: 503, when to come, and nothing about anybody."""
    steps.raises["store_reports"] = trouble
    answer = make_client().post("/webhooks/simulated", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "139" not in answer.text


def test_too_many_waiting_reports_are_sent_again(steps: Steps) -> None:
    """When the queue is too long, 503 says when to come again."""
    client = make_client()
    client.app.state.keeper = Keeper(object(), most_waiting=0)  # type: ignore[attr-defined, arg-type]
    answer = client.post("/webhooks/simulated", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_too_large_a_report_is_not_read(steps: Steps) -> None:
    """A body beyond the limit is 413, and nothing of it is verified or stored."""
    answer = make_client().post("/webhooks/simulated", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert not [asked for asked in steps.asked if asked[0] in ("verified", "store_reports")]


def test_link_leads_on(steps: Steps) -> None:
    """A tracked link needs no token, leads to its address and is not kept by any cache."""
    answer = make_client().get("/l/abc")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/j?c=1")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_unknown_link_says_nothing_of_anybody(steps: Steps) -> None:
    """An unknown link answers 404 with a page that names neither token nor person."""
    steps.raises["open_link"] = NotFound("link", "tok-123", ("tok-124",))
    answer = make_client().get("/l/tok-123")
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert "tok-124" not in answer.text
    assert "There is no such page" in answer.text


def test_health_and_readiness(steps: Steps) -> None:
    """The process answers by itself; it is ready when the database answers too."""
    client = make_client()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    steps.raises["role_of"] = RuntimeError("no database")
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 500


def test_meters_count_routes_and_name_nobody(steps: Steps) -> None:
    """Requests are counted by route, so neither names nor tokens stand in the meters."""
    client = make_client("viewer-token")
    client.get("/api/v1/experiments/gift-first-2026-11/standing")
    client.get("/l/secret-token")
    client.get("/no/such/page")
    read = client.get("/metrics")
    assert 'route="/api/v1/experiments/{name}/standing",status="200"} 1.0' in read.text
    assert 'route="unmatched",status="404"} 1.0' in read.text
    assert "secret-token" not in read.text
    assert "gift-first" not in read.text
