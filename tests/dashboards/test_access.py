"""Who may do what, on pages and through the API."""

from datetime import timedelta

import pytest

from dashboards.access import COOKIE, LIFETIME, Sessions, local_path
from tests.dashboards.makers import NOW, Steps, make_client, sign_in

PAGE = "/experiments/gift-first-2026-11"
READS = ("/api/v1/experiments", f"/api/v1{PAGE}", f"/api/v1{PAGE}/standing", "/api/v1/suppression", "/api/v1/adapters")


@pytest.mark.parametrize("path", READS)
def test_api_asks_for_a_token(steps: Steps, path: str) -> None:
    """Without a token, or with one that nobody was given, the API answers 401 and says how to ask."""
    for token in (None, "made-up"):
        answer = make_client(token).get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", READS)
def test_viewer_reads(steps: Steps, path: str) -> None:
    """A viewer may read everything of the API."""
    assert make_client("viewer-token").get(path).status_code == 200


def test_viewer_does_not_write(steps: Steps) -> None:
    """A viewer may neither pause nor import; an operator and an admin may."""
    why = {"reason": "caller number flagged"}
    assert make_client("viewer-token").post(f"/api/v1{PAGE}/pause", json=why).status_code == 403
    assert not [asked for asked in steps.asked if asked[0] == "pause"]
    for token in ("operator-token", "admin-token"):
        assert make_client(token).post(f"/api/v1{PAGE}/pause", json=why).status_code == 200
    assert ("pause", "gift-first-2026-11", "caller number flagged", "operator (API)", NOW) in steps.asked


def test_pages_ask_to_sign_in(steps: Steps) -> None:
    """Who is not signed in is led to the form, and after it to the page wanted."""
    client = make_client()
    answer = client.get(PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?after={PAGE}")
    signed = client.post("/login", data={"token": "viewer-token", "after": PAGE})
    assert (signed.status_code, signed.headers["location"]) == (303, PAGE)
    assert client.get(PAGE).status_code == 200


def test_session_cookie_is_kept_from_scripts_and_other_sites(steps: Steps) -> None:
    """The cookie is HttpOnly and SameSite=Strict, Secure over HTTPS, and holds no token."""
    cookie = make_client().post("/login", data={"token": "viewer-token"}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "viewer-token" not in cookie
    assert "Secure" not in cookie
    client = make_client()
    client.base_url = "https://ringlab.example"
    assert "Secure" in client.post("/login", data={"token": "viewer-token"}).headers["set-cookie"]


def test_unknown_token_signs_nobody_in(steps: Steps) -> None:
    """A wrong token shows the form again, with the cure, and sets no cookie."""
    answer = make_client().post("/login", data={"token": "wrong"})
    assert answer.status_code == 401
    assert "Ask an admin" in answer.text
    assert "set-cookie" not in answer.headers


def test_token_taken_away_ends_its_sessions(steps: Steps) -> None:
    """The role of a session's token is asked at every request."""
    client = make_client()
    sign_in(client, "operator-token")
    assert client.get("/").status_code == 200
    del steps.tokens["operator-token"]
    assert client.get("/").status_code == 303


def test_signing_out_ends_the_session(steps: Steps) -> None:
    """After signing out the old cookie opens nothing."""
    client = make_client()
    sign_in(client, "viewer-token")
    old = client.cookies[COOKIE]
    csrf = client.app.state.sessions.csrf(old)
    assert client.post("/logout", data={"csrf": csrf}).status_code == 303
    client.cookies.set(COOKIE, old)
    assert client.get("/").status_code == 303


def test_forms_need_the_sessions_own_word(steps: Steps) -> None:
    """A form without the session's word, or with another session's, changes nothing."""
    client = make_client()
    sign_in(client, "operator-token")
    word = client.app.state.sessions.csrf(client.cookies[COOKIE])
    for csrf in ("", "made-up", client.app.state.sessions.csrf("other")):
        assert client.post(f"{PAGE}/pause", data={"reason": "x", "csrf": csrf}).status_code == 403
    assert not [asked for asked in steps.asked if asked[0] == "pause"]
    assert client.post(f"{PAGE}/pause", data={"reason": "x", "csrf": word}).status_code == 303


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_forms_of_other_sites_are_refused(steps: Steps, headers: dict[str, str]) -> None:
    """A form that another site sent is refused, the sign-in form too."""
    client = make_client()
    assert client.post("/login", data={"token": "viewer-token"}, headers=headers).status_code == 403


def test_own_forms_pass_with_a_null_origin(steps: Steps) -> None:
    """Browsers send the origin `null` from a page without referrer; the fetch metadata say that it is ours."""
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert make_client().post("/login", data={"token": "viewer-token"}, headers=headers).status_code == 303


def test_viewer_sees_no_buttons_and_cannot_press_them(steps: Steps) -> None:
    """Pause and stop are shown to who may press them; a viewer who sends the form is refused."""
    viewer, operator = make_client(), make_client()
    sign_in(viewer, "viewer-token")
    sign_in(operator, "operator-token")
    assert "/pause" not in viewer.get(PAGE).text
    assert "/pause" in operator.get(PAGE).text
    word = viewer.app.state.sessions.csrf(viewer.cookies[COOKIE])
    assert viewer.post(f"{PAGE}/stop", data={"reason": "x", "csrf": word}).status_code == 403


def test_a_reason_is_needed(steps: Steps) -> None:
    """Nothing is paused or stopped without a reason."""
    client = make_client()
    sign_in(client, "operator-token")
    word = client.app.state.sessions.csrf(client.cookies[COOKIE])
    assert client.post(f"{PAGE}/stop", data={"reason": "  ", "csrf": word}).status_code == 422
    assert make_client("operator-token").post(f"/api/v1{PAGE}/stop", json={"reason": ""}).status_code == 422


def test_sessions_end_and_cannot_be_forged() -> None:
    """A cookie opens its session until it is 12 hours old; one changed or signed elsewhere opens nothing."""
    sessions = Sessions(b"secret")
    cookie = sessions.open("token", NOW)
    assert sessions.token(cookie, NOW) == "token"
    assert sessions.token(cookie + "0", NOW) is None
    name, expires, sign = cookie.split(".")
    assert sessions.token(f"{name}.{int(expires) + 9999}.{sign}", NOW) is None
    assert Sessions(b"other").token(cookie, NOW) is None
    for nonsense in ("", ".", "a.b", "é.1.x"):
        assert sessions.token(nonsense, NOW) is None
    assert sessions.token(cookie, NOW + LIFETIME) is None
    assert sessions.token(cookie, NOW - timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/experiments/a", "/experiments/a"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nb", "/"),
    ],
)
def test_sign_in_leads_nowhere_else(wanted: str, led: str) -> None:
    """After signing in a reader stays on this site."""
    assert local_path(wanted) == led
