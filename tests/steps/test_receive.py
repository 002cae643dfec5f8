"""Reports in, outcomes out: heard as often and in whatever order a provider likes to tell them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.core.contacts import ContactColumns
from engine.core.events import Conversion, Event, Kind
from engine.core.treatments import Disposition
from engine.errors import Forged, NotFound, Stale
from engine.runner import Simulation
from engine.steps import advance, enroll, people, receive, report, reports
from engine.steps.dispatch import dispatch
from engine.steps.reconcile import reconcile
from engine.store.messages import LATE, LOST, SUPPRESSED
from engine.telephony.adapter import Capabilities, DialRequest, Fate, MessageRequest, Receipt
from engine.telephony.wire import body_of, signature
from engine.workspace import Running, Workspace
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    STEADY,
    Wrapped,
    columns_of,
    counts_of,
    make_experiment,
    make_rows,
    make_workspace,
    number_of,
    outcomes_of,
    replaced,
    rows_of,
    run_to_end,
    start,
    write_experiment,
    write_rows,
)

UNTIDY = {"late": "30%", "repeats": "50%", "disorder": "50%", "progress": "on"}
ONCE = {"redial": {"attempts": 1}}
SOON = timedelta(minutes=10)
MATURES = "matures_at"


def words(**changes: Any) -> dict[str, Any]:
    """The control's treatment with something changed."""
    return make_experiment()["control"] | changes


def dialed(workspace: Workspace, folder: Path, count: int = 6, **changes: Any) -> Running:
    """An experiment whose calls are all in flight."""
    running = start(workspace, write_experiment(folder, count, **changes))
    assert dispatch(workspace, running, MONDAY, count).placed == count
    return running


def make_report(contact: int = 0, kind: Kind = Kind.ENDED, key: str = "", minutes: float = 1, **values: Any) -> Event:
    """A report about a contact's first call, some minutes after it was placed."""
    if kind is Kind.ENDED:
        values = {"disposition": Disposition.ANSWERED_HUMAN, "seconds": 20.0} | values
    call = f"gift-first/C{contact:05}/1"
    return Event(key or f"{call}#{kind}", kind, MONDAY + timedelta(minutes=minutes), call, **values)


def tell(
    workspace: Workspace, *events: Event, source: str = "simulated", now: datetime = MONDAY + SOON
) -> receive.Received:
    """Let these events be heard; what follows is sent."""
    with workspace.database.writing() as connection:
        received, messages = receive.take(workspace, connection, source, events, now)
    receive.follow_up.send(workspace, messages, now)
    return received


@pytest.mark.parametrize("attempts", [1, 3])
def test_untidy_reports_come_to_the_same_outcomes(tmp_path: Path, attempts: int) -> None:
    """Late, repeated and overtaken reports change no outcome of a whole campaign."""
    found = []
    for name, settings in (("tidy", STEADY | {"progress": "on"}), ("untidy", STEADY | UNTIDY)):
        redial = {"attempts": attempts, "gap": "2h", "on": ["no_answer", "busy", "unreachable"]}
        path = write_experiment(tmp_path / name, 150, settings=settings, control=words(redial=redial))
        with make_workspace(tmp_path / name) as workspace:
            simulation = Simulation(workspace, start(workspace, path))
            assert simulation.run()
            advance.hear(workspace, simulation.running, simulation.now + timedelta(days=30))
            columns = columns_of(workspace, "outcomes")
            found.append([dict(zip(columns, row, strict=True)) for row in outcomes_of(workspace)])
            assert workspace.database.check() == ()
            if name == "untidy":
                repeats = simulation.running.adapter.book._count("SELECT count(*) FROM reports", ())  # type: ignore[attr-defined]
                assert repeats > 1.2 * number_of(workspace, "SELECT count(*) FROM events")
    moments = {"dialled_at", "converted_at", "matures_at"} if attempts > 1 else set()  # the second call is later too
    alike = moments | {
        "message_sent",
        "message_delivered",
        "link_opened",
        "cost",
    }  # a message follows when the end is heard
    for tidy, untidy in zip(*found, strict=True):
        assert {name: tidy[name] for name in tidy if name not in alike} == {
            name: untidy[name] for name in untidy if name not in alike
        }
        assert (tidy["message_sent"], tidy["message_delivered"]) == (
            untidy["message_sent"],
            untidy["message_delivered"],
        )
        assert tidy["cost"] == pytest.approx(untidy["cost"])


def test_the_same_reports_again_change_nothing(tmp_path: Path) -> None:
    """Hearing everything a second time stores no event, plans no call and sends no message."""
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, write_experiment(tmp_path, 60))
        tables = ("events", "calls", "messages", "outcomes", "suppressions", "refusals")
        before = [rows_of(workspace, f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables]
        events, _ = simulation.running.adapter.poll("", simulation.now, 100_000)
        heard = tell(workspace, *reversed(events), *events, now=simulation.now)
        assert (heard.new, heard.messages) == (0, 0)
        assert [rows_of(workspace, f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables] == before


@pytest.mark.parametrize(
    "said",
    [{"opt_out": True}, {"kind": Kind.OPTED_OUT}, {"kind": Kind.COMPLAINED}],
    ids=["in-call", "later", "complaint"],
)
def test_who_says_no_is_never_called_again(tmp_path: Path, said: dict[str, Any]) -> None:
    """An opt-out or a complaint puts the number on the list and cancels what is planned, in every experiment."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path, compatible_with=["other"])
        other = write_experiment(tmp_path, 6, experiment="other")
        enroll.start(workspace, other, MONDAY)
        tell(workspace, make_report(0, disposition=Disposition.NO_ANSWER, seconds=0.0))
        planned = "SELECT key FROM calls WHERE state = 'planned' AND key LIKE '%/C00000/%'"
        assert {key for (key,) in rows_of(workspace, planned)} == {"gift-first/C00000/2", "other/C00000/1"}
        tell(workspace, make_report(0, key="no", minutes=2, **{"disposition": Disposition.BUSY, **said}))
        assert rows_of(workspace, planned) == []
        listed = rows_of(workspace, "SELECT phone, reason FROM suppressions")
        assert [tuple(row) for row in listed] == [("+8619900000000", "opted_out")]
        refused = [row[::2] for row in report.refusals(workspace, "other")]
        assert refused == [("opted_out", 1)]
        assert dispatch(workspace, running, MONDAY + timedelta(hours=3), 50).claimed == 0
        assert number_of(workspace, "SELECT count(*) FROM messages WHERE contact_id = 1") == 0


@pytest.mark.parametrize(
    ("disposition", "again"),
    [
        (Disposition.NO_ANSWER, True), (Disposition.BUSY, True), (Disposition.ANSWERED_HUMAN, False),
        (Disposition.ANSWERED_MACHINE, False), (Disposition.INVALID_NUMBER, False), (Disposition.REJECTED, False),
        (Disposition.UNKNOWN, False),
    ],
)  # fmt: skip
def test_who_was_not_reached_is_called_again(tmp_path: Path, disposition: Disposition, again: bool) -> None:
    """The arm's redial strategy decides by the disposition, keeps the gap, and ends at its attempts."""
    with make_workspace(tmp_path) as workspace:
        dialed(workspace, tmp_path)
        received = tell(workspace, make_report(0, disposition=disposition))
        assert received.redials == int(again)
        second = "SELECT due_at FROM calls WHERE key = 'gift-first/C00000/2'"
        due = [row[0] for row in rows_of(workspace, second)]
        assert due == ([int((MONDAY + timedelta(hours=2, minutes=1)).timestamp()) * 10**6] if again else [])
        if again:
            again_not = Event(
                "e2", Kind.ENDED, MONDAY + timedelta(hours=3), "gift-first/C00000/2", disposition=disposition
            )
            assert tell(workspace, again_not).redials == 0


def test_one_message_follows_a_talk(tmp_path: Path) -> None:
    """After a talk exactly one message goes out, with a link that nobody else has; after a no, none."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        sent: list[MessageRequest] = []

        class Sending(Wrapped):
            def send(self, requests: Sequence[MessageRequest], now: datetime) -> list[Receipt]:
                sent.extend(requests)
                return super().send(requests, now)

        workspace._running["gift-first"] = replaced(running, Sending(running.adapter))
        for _ in range(2):
            tell(workspace, make_report(0, intent=True), make_report(1))
            tell(workspace, make_report(0, key="again", intent=True, seconds=21.0))
            tell(
                workspace, make_report(2, intent=False), make_report(3, opt_out=True),
                make_report(4, disposition=Disposition.NO_ANSWER), make_report(5, disposition=Disposition.REJECTED),
            )  # fmt: skip
        kept = rows_of(workspace, "SELECT call, token, state, url FROM messages ORDER BY call")
    assert (
        [request.call for request in sent] == [row.call for row in kept] == [f"gift-first/C0000{n}/1" for n in (0, 1)]
    )
    assert len({row.token for row in kept}) == 2
    assert all(request.link == f"https://ring.example/l/{row.token}" for request, row in zip(sent, kept, strict=True))
    assert all(request.link in request.text for request in sent)
    assert {(row.state, row.url) for row in kept} == {("accepted", "https://example.com/j")}


@pytest.mark.parametrize("during", [False, True])
def test_a_message_survives_the_death_of_its_process(tmp_path: Path, during: bool) -> None:
    """What was planned when a process died is sent by the next, once; what it had begun to send is never sent again."""
    sendings = []
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)

        class Dying(Wrapped):
            def send(self, requests: Sequence[MessageRequest], now: datetime) -> list[Receipt]:
                raise KeyboardInterrupt

        workspace._running["gift-first"] = replaced(running, Dying(running.adapter))
        with workspace.database.writing() as connection:
            _, messages = receive.take(
                workspace, connection, "simulated", [make_report(0), make_report(1)], MONDAY + SOON
            )
        if during:
            with pytest.raises(KeyboardInterrupt):
                receive.follow_up.send(workspace, messages, MONDAY + SOON)
    for _ in range(2):
        with make_workspace(tmp_path) as workspace:
            running = workspace.running("gift-first")
            reconcile(workspace, running, MONDAY + SOON)
            book = running.adapter.book  # type: ignore[attr-defined]
            sendings += [book.sendings(f"gift-first/C0000{number}/1/message") for number in (0, 1)]
            states = counts_of(workspace, "SELECT state, count(*) FROM messages GROUP BY 1")
    assert sendings == [0 if during else 1] * 4
    assert states == {"begun" if during else "accepted": 2}


@pytest.mark.parametrize(("hours", "state"), [(1.4, "accepted"), (1.6, "refused")])
def test_a_message_follows_its_call_or_does_not_go(tmp_path: Path, hours: float, state: str) -> None:
    """A report that comes long after the call, as after a night without a receiver, brings nobody a message."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        tell(workspace, make_report(0), now=MONDAY + timedelta(hours=hours))
        kept = rows_of(workspace, "SELECT state, reason FROM messages")
        assert running.adapter.book.sendings("gift-first/C00000/1/message") == (state == "accepted")  # type: ignore[attr-defined]
    assert [tuple(row) for row in kept] == [(state, "" if state == "accepted" else LATE)]


def test_who_opts_out_before_the_message_goes_gets_none(tmp_path: Path) -> None:
    """A message that was planned when its process died asks the suppression list before the next one sends it."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        with workspace.database.writing() as connection:
            receive.take(workspace, connection, "simulated", [make_report(0), make_report(1)], MONDAY + SOON)
        tell(workspace, make_report(0, Kind.OPTED_OUT))
        reconcile(workspace, running, MONDAY + SOON)
        kept = rows_of(workspace, "SELECT state, reason FROM messages ORDER BY call")
        assert running.adapter.book.sendings("gift-first/C00000/1/message") == 0  # type: ignore[attr-defined]
    assert [tuple(row) for row in kept] == [("refused", SUPPRESSED), ("accepted", "")]


def test_a_message_that_was_lost_is_told_as_unknown(tmp_path: Path) -> None:
    """What a dead process had begun to send is unknown some time later, and stays so."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        with workspace.database.writing() as connection:
            receive.take(workspace, connection, "simulated", [make_report(0)], MONDAY + SOON)
            connection.execute(text("UPDATE messages SET state = 'begun'"))
        for hours, state, reason in ((1, "begun", ""), (2, "unknown", LOST), (3, "unknown", LOST)):
            reconcile(workspace, running, MONDAY + timedelta(hours=hours))
            kept = rows_of(workspace, "SELECT state, reason FROM messages")
            assert [tuple(row) for row in kept] == [(state, reason)]


def test_a_message_whose_words_lack_a_value_is_kept_with_the_reason(tmp_path: Path) -> None:
    """A message that cannot be put into words is not sent, and says why."""
    path = write_experiment(tmp_path, 4, control=words(**ONCE))
    for folder in ("scripts/sms",):
        (tmp_path / folder).mkdir(parents=True)
    blocks = "".join(
        f"{{% block {name} %}}您好{{% endblock %}}" for name in ("opening", "benefit", "invitation", "closing")
    )
    for name in ("classic", "gift-first"):
        (tmp_path / "scripts" / f"{name}.j2").write_text(blocks, encoding="utf-8")
    (tmp_path / "scripts" / "sms" / "link.j2").write_text("{{ product }} {{ link }}", encoding="utf-8")
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        assert dispatch(workspace, running, MONDAY, 4).placed == 4
        tell(workspace, make_report(0))
        kept = rows_of(workspace, "SELECT state, reason FROM messages")
        assert running.adapter.book.sendings("gift-first/C00000/1/message") == 0  # type: ignore[attr-defined]
    assert [row.state for row in kept] == ["refused"]
    assert "product" in kept[0].reason


def test_a_link_counts_once_and_leads_to_its_address(tmp_path: Path) -> None:
    """However often a link is opened, its contact has opened it once; an unknown link is no one's."""
    with make_workspace(tmp_path) as workspace:
        dialed(workspace, tmp_path)
        tell(workspace, make_report(0), make_report(1))
        token = rows_of(workspace, "SELECT token FROM messages WHERE call LIKE '%C00000%'")[0][0]
        for minute in (20, 30):
            assert receive.open_link(workspace, token, MONDAY + timedelta(minutes=minute)) == "https://example.com/j"
        assert number_of(workspace, "SELECT count(*) FROM events WHERE kind = 'link_opened'") == 1
        opened = "SELECT contacts.key FROM outcomes JOIN contacts ON contacts.id = contact_id WHERE link_opened = 1"
        assert rows_of(workspace, opened) == [("C00000",)]
        with pytest.raises(NotFound):
            receive.open_link(workspace, "nobodys", MONDAY)


def test_conversions_are_idempotent_by_id(tmp_path: Path) -> None:
    """The same conversion twice counts once; one outside the window or before the call counts nothing."""
    with make_workspace(tmp_path) as workspace:
        dialed(workspace, tmp_path)
        tell(workspace, *(make_report(number) for number in range(4)))
        told = [
            Conversion("a", "C00000", "friend_added", MONDAY + timedelta(hours=5)),
            Conversion("b", "C00000", "ordered", MONDAY + timedelta(hours=6), 99.5),
            Conversion("c", "C00001", "friend_added", MONDAY + timedelta(hours=80)),
            Conversion("d", "C00002", "friend_added", MONDAY - timedelta(hours=1)),
            Conversion("e", "C00003", "smiled", MONDAY + timedelta(hours=1)),
        ]
        later = MONDAY + timedelta(days=9)
        assert receive.add_conversions(workspace, told, later) == 5
        assert (
            receive.add_conversions(workspace, [*told[::-1], Conversion("a", "C00003", "friend_added", MONDAY)], later)
            == 0
        )
        found = rows_of(
            workspace, "SELECT contact_id, converted, ordered, revenue FROM outcomes WHERE converted = 1 OR ordered = 1"
        )
    assert [tuple(row) for row in found] == [(1, 1, 1, 99.5)]


def test_a_conversion_of_an_unknown_contact_waits_for_the_contact(tmp_path: Path) -> None:
    """A conversion that comes before its contact is kept, and joined when the contact comes, by file or by API."""
    path = write_experiment(tmp_path, audience={"roster": True})
    with make_workspace(tmp_path) as workspace:
        told = [Conversion(f"id-{n}", f"C{n:05}", "friend_added", MONDAY + timedelta(hours=n)) for n in (1, 2, 3, 4)]
        assert receive.add_conversions(workspace, told, MONDAY) == 4
        assert number_of(workspace, "SELECT count(*) FROM events WHERE contact_id IS NULL") == 4
        file = write_rows(tmp_path / "people.csv", make_rows(2, 1))
        _, joined = people.import_contacts(workspace, file, ContactColumns(**COLUMNS), "CN", MONDAY)
        assert joined == 2
        start(workspace, path)
        enroll.add_contacts(workspace, [{"key": "C00003", "phone": "19900000003"}], MONDAY)
        assert number_of(workspace, "SELECT count(*) FROM events WHERE contact_id IS NULL") == 1
        write_rows(path.with_name("late.csv"), make_rows(1, 4))
        filed = write_experiment(
            tmp_path, make_rows(1, 4), experiment="filed", audience={"contacts": "late.csv", "columns": COLUMNS}
        )
        enroll.start(workspace, filed, MONDAY)
        assert number_of(workspace, "SELECT count(*) FROM events WHERE contact_id IS NULL") == 0


def secret(workspace: Workspace, folder: Path) -> Running:
    return dialed(workspace, folder, settings=STEADY | {"secret": "hush"})


def test_a_webhook_is_stored_as_it_came_and_judged_later(tmp_path: Path) -> None:
    """What a provider sends is kept before it is answered, without its secrets, and becomes events."""
    with make_workspace(tmp_path) as workspace:
        secret(workspace, tmp_path)
        body = body_of([make_report(0), make_report(1, disposition=Disposition.BUSY, seconds=0.0)])
        headers = signature("hush", body, MONDAY) | {"Authorization": "Bearer x", "Cookie": "y"}
        for _ in range(2):
            reports.receive_report(workspace, "simulated", headers, body, "https://ring.example/w", MONDAY)
        assert rows_of(workspace, "SELECT body FROM reports") == [(body,), (body,)]
        (kept,) = {row[0] for row in rows_of(workspace, "SELECT headers FROM reports")}
        assert json.loads(kept).keys() == {"x-simulated-signature", "x-ringlab-received-at", "x-ringlab-experiment"}
        assert number_of(workspace, "SELECT count(*) FROM events") == 0
        heard = reports.judge_reports(workspace, MONDAY + SOON)
        assert (heard.new, heard.redials, heard.messages) == (2, 1, 1)
        assert reports.judge_reports(workspace, MONDAY + SOON).events == 0
        assert counts_of(workspace, "SELECT state, count(*) FROM calls GROUP BY 1") == {
            "accepted": 4, "ended": 2, "planned": 1
        }  # fmt: skip


def test_a_webhook_that_cannot_be_believed_is_refused(tmp_path: Path) -> None:
    """A forged, tampered or stale webhook, or one of a provider that nobody uses, leaves no trace."""
    with make_workspace(tmp_path) as workspace:
        secret(workspace, tmp_path)
        body = body_of([make_report(0)])
        sound = signature("hush", body, MONDAY)
        for headers, sent, now, error in (
            (signature("guess", body, MONDAY), body, MONDAY, Forged),
            (sound, body + b" ", MONDAY, Forged),
            ({}, body, MONDAY, Forged),
            (sound, body, MONDAY + timedelta(minutes=6), Stale),
        ):
            with pytest.raises(error):
                reports.receive_report(workspace, "simulated", headers, sent, "https://ring.example/w", now)
        with pytest.raises(NotFound, match="'elsewhere'"):
            reports.receive_report(workspace, "elsewhere", sound, body, "https://ring.example/w", MONDAY)
        assert number_of(workspace, "SELECT count(*) FROM reports") == 0


def test_garbage_is_kept_with_its_trouble(tmp_path: Path) -> None:
    """A believed webhook that cannot be understood is kept with what was wrong, and does not stop the others."""
    with make_workspace(tmp_path) as workspace:
        secret(workspace, tmp_path)
        strange = body_of([make_report(3, key="strange", kind=Kind.RINGING)]).replace(b"ringing", b"humming")
        unknown = body_of([Event("who", Kind.ENDED, MONDAY, "nobody/knows/1")])
        for body in (b"{", b'{"events": [{"key": ""}]}', strange, unknown, body_of([make_report(0)])):
            reports.receive_report(
                workspace, "simulated", signature("hush", body, MONDAY), body, "https://ring.example/w", MONDAY
            )
        heard = reports.judge_reports(workspace, MONDAY + SOON)
        troubles = [row[0] for row in rows_of(workspace, "SELECT trouble FROM reports ORDER BY id")]
        assert heard.new == 2
        assert number_of(workspace, "SELECT count(*) FROM events WHERE contact_id IS NULL") == 1
    assert [bool(trouble) for trouble in troubles] == [True, True, False, False, False]


class Hooked(Wrapped):
    """A provider that reports by webhook, names only its own ids, and reports before it has answered."""

    def __init__(self, inner: Any, workspace: Workspace) -> None:
        super().__init__(inner)
        self.workspace = workspace
        self.capabilities = Capabilities(webhook_auth="secret")

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        receipts = [Receipt(one.call, Fate.ACCEPTED, f"p-{one.contact}") for one in requests]
        ended = [
            Event(f"e-{one.provider_id}", Kind.ENDED, now, "", one.provider_id, Disposition.ANSWERED_HUMAN, 20.0)
            for one in receipts
        ]
        body = body_of(ended)
        reports.receive_report(self.workspace, "simulated", {}, body, "https://ring.example/w", now)
        reports.judge_reports(self.workspace, now)
        return receipts

    def verify(self, headers: Any, body: bytes, url: str, now: datetime) -> None:
        """Everybody is believed."""


def test_a_report_that_overtakes_the_receipt_finds_its_call(tmp_path: Path) -> None:
    """A report that names only the provider's id, before that id is known here, is joined when it is."""
    path = write_experiment(tmp_path, 5, control=words(**ONCE))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        hooked = replaced(running, Hooked(running.adapter, workspace))
        workspace._running["gift-first"] = hooked
        assert dispatch(workspace, hooked, MONDAY, 10).placed == 5
        assert number_of(workspace, "SELECT count(*) FROM events WHERE contact_id IS NULL") == 5
        reconcile(workspace, hooked, MONDAY + SOON)
        assert number_of(workspace, "SELECT count(*) FROM events WHERE contact_id IS NULL") == 0
        assert counts_of(workspace, "SELECT state, count(*) FROM calls GROUP BY 1") == {"ended": 5}
        assert number_of(workspace, "SELECT sum(connected) FROM outcomes") == 5
        assert number_of(workspace, "SELECT count(*) FROM messages") == 5
