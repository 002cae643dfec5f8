"""Rules of whole campaigns: caps over all experiments, consent, lists, blocks that end, and what changes meanwhile."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.consents import EXPRESS, WRITTEN, Consent
from engine.core.events import Event, Kind
from engine.core.rules import ALLOWED, Deferred, Refused, Ruling
from engine.core.treatments import Disposition
from engine.errors import NotFound
from engine.runner import Simulation
from engine.steps import enroll, people, receive, ruled, suppress
from engine.steps.dispatch import dispatch
from engine.steps.plan import plan
from engine.steps.ruling import Rulings
from engine.store import consents, queue, suppressions
from engine.store.queue import Due
from engine.workspace import Running, Workspace
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    counts_of,
    make_experiment,
    make_rows,
    make_workspace,
    number_of,
    rows_of,
    start,
    write_experiment,
    write_rows,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REFUSED = "SELECT rule, count(*) FROM refusals GROUP BY 1"
CONSENT = COLUMNS | {"consent": "agreed", "consent_at": "agreed_at", "consent_proof": "record"}
PARIS = datetime(2026, 11, 23, 9, tzinfo=UTC)  # ten o'clock there


def french(count: int = 8, agreed: str = "yes", **more: str) -> list[dict[str, str]]:
    """People in France, who agreed or not."""
    rows = make_rows(count, agreed=agreed, agreed_at="2026-10-01 12:00", record="form 7", **more)
    return [row | {"mobile": f"+33612{number:06}"} for number, row in enumerate(rows)]


def write_french(folder: Path, rows: list[dict[str, str]], **changes: Any) -> Path:
    """An experiment that calls them."""
    audience = {"contacts": "contacts.csv", "columns": CONSENT, "region": "FR"}
    control = make_experiment()["control"] | {"timing": {}}
    return write_experiment(folder, rows, **{"audience": audience, "control": control, "caps": None, **changes})


def opted_out(contact: int, at: datetime, kind: Kind = Kind.OPTED_OUT) -> Event:
    """A person's no after the first call."""
    call = f"gift-first/C{contact:05}/1"
    return Event(f"{call}#{kind}", kind, at, call)


def tell(workspace: Workspace, *events: Event, now: datetime) -> None:
    with workspace.database.writing() as connection:
        receive.take(workspace, connection, "simulated", events, now)


def asked(workspace: Workspace, running: Running, now: datetime) -> Counter[Any]:
    """What every rule says of everything that is due."""
    due, rulings = read(workspace, running, now)
    return Counter(rulings.of(one, 0) for one in due)


def read(workspace: Workspace, running: Running, now: datetime, of: Sequence[Due] = ()) -> tuple[list[Due], Rulings]:
    """What is due, or these calls as they stand, and what the rules know about them."""
    with workspace.database.writing() as connection:
        due = queue.due(connection, (running.id, running.experiment.name), now, 1000) if not of else list(of)
        return due, Rulings.read(connection, running, due, now)


def test_a_redial_waits_for_the_regions_cap(tmp_path: Path) -> None:
    """One call a day is China's default: a redial that asks for two hours comes a day later."""
    path = write_experiment(tmp_path, 60, caps=None)
    with make_workspace(tmp_path) as workspace:
        simulation = Simulation(workspace, start(workspace, path))
        assert simulation.run()
        pairs = rows_of(
            workspace,
            "SELECT b.begun_at - a.begun_at FROM calls a JOIN calls b USING (contact_id) "
            "WHERE a.attempt = 1 AND b.attempt = 2",
        )
    assert pairs
    assert min(gap for (gap,) in pairs) >= DAY / timedelta(microseconds=1)


def test_a_cap_counts_calls_of_every_experiment(tmp_path: Path) -> None:
    """Who was called by one experiment is not called by another on the same day, and then is."""
    first = write_experiment(tmp_path, 20)
    second = write_experiment(
        tmp_path, [], experiment="second", audience={"roster": True}, compatible_with=["gift-first"], caps=None
    )
    with make_workspace(tmp_path) as workspace:
        one = start(workspace, first)
        assert dispatch(workspace, one, MONDAY, 12).placed == 12
        two = start(workspace, second, MONDAY + HOUR)
        # Who was called an hour ago is planned for tomorrow; the others for now.
        due = Counter(row[0] for row in rows_of(workspace, "SELECT due_at FROM calls WHERE experiment_id = 2"))
        assert sorted(due.values()) == [8, 12]
        # One who is called by the first meanwhile waits too: asked again at the claim.
        assert dispatch(workspace, one, MONDAY + HOUR, 20).placed == 8
        result = dispatch(workspace, two, MONDAY + HOUR, 20)
        assert (result.claimed, result.placed, result.deferred) == (8, 0, 8)
        assert asked(workspace, two, MONDAY + DAY + HOUR) == {ALLOWED: 20}


def test_a_call_whose_fate_is_unknown_counts_and_one_that_was_refused_does_not(tmp_path: Path) -> None:
    """What may have rung is an attempt; what a provider refused rang nowhere."""
    path = write_experiment(tmp_path, 3)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        dispatch(workspace, running, MONDAY, 3)
        with workspace.database.writing() as connection:
            for place, state in enumerate(("unknown", "refused", "ended")):
                connection.exec_driver_sql(f"UPDATE calls SET state = '{state}' WHERE rank = {place}")
        from engine.store import attempts

        with workspace.database.reading() as connection:
            ids = [row[0] for row in rows_of(workspace, "SELECT contact_id FROM calls ORDER BY rank")]
            found = attempts.begun_since(connection, ids, MONDAY - DAY)
            assert found == {ids[0]: [MONDAY], ids[2]: [MONDAY]}
            assert attempts.begun_since(connection, ids, MONDAY) == {}


def test_only_people_who_agreed_are_called_where_the_law_asks_for_it(tmp_path: Path) -> None:
    """In France nobody without a consent or contract is enrolled, each is counted, and plan says so before."""
    rows = [
        row | {"agreed": word}
        for row, word in zip(
            french(8), ["yes", "contract", "written", "", "no", "withdrawn", "是", "合同"], strict=True
        )
    ]
    path = write_french(tmp_path, rows)
    with make_workspace(tmp_path) as workspace:
        assert plan(workspace, path, PARIS).people.refused == {"no_consent": 3}
        running = start(workspace, path, PARIS)
        assert counts_of(workspace, REFUSED) == {"no_consent": 3}
        kept = people.show(workspace, "C00000", PARIS).consent
        assert kept == Consent(EXPRESS, datetime(2026, 10, 1, 10, tzinfo=UTC), "", "form 7")
        assert asked(workspace, running, PARIS) == {ALLOWED: 5}
        # A withdrawal before the call is heard at the claim, and again at the moment of sending.
        due, rulings = read(workspace, running, PARIS)
        assert {rulings.again(one) for one in due} == {ALLOWED}
        with workspace.database.writing() as connection:
            consents.withdraw(connection, {due[0].contact_id: PARIS}, "letter", PARIS)
        assert read(workspace, running, PARIS, due)[1].again(due[0]) == Refused("no_consent")
        people.withdraw(workspace, due[1].contact.key, "somebody", PARIS)
        assert asked(workspace, running, PARIS) == {ALLOWED: 3, Refused("no_consent"): 1}
        assert counts_of(workspace, REFUSED) == {"no_consent": 4}


def test_an_experiment_may_ask_for_consent_where_the_region_does_not(tmp_path: Path) -> None:
    """China's default asks for none; `consent: required` does."""
    with make_workspace(tmp_path) as workspace:
        start(workspace, write_experiment(tmp_path, 5))
        assert counts_of(workspace, REFUSED) == {}
        strict = {"audience": {"roster": True}, "compatible_with": ["gift-first"], "consent": "required"}
        start(workspace, write_experiment(tmp_path, [], experiment="strict", **strict))
        assert counts_of(workspace, REFUSED) == {"no_consent": 5}


def test_a_withdrawal_stands_until_a_later_consent(tmp_path: Path) -> None:
    """An import of the old file does not bring a consent back; one that is given later does."""
    path = write_french(tmp_path, french(1))
    with make_workspace(tmp_path) as workspace:
        start(workspace, path, PARIS)
        people.withdraw(workspace, "C00000", "somebody", PARIS)
        columns = people.columns_of(CONSENT)
        for agreed_at, withdrawn in (("2026-10-01 12:00", True), ("", True), ("2026-11-24 12:00", False)):
            rows = [row | {"agreed_at": agreed_at} for row in french(1)]
            people.import_contacts(workspace, write_rows(tmp_path / "again.csv", rows), columns, "FR", PARIS + DAY)
            found = people.show(workspace, "C00000", PARIS + DAY).consent
            assert found is not None
            assert found.withdrawn == withdrawn, agreed_at


def test_a_word_that_is_no_consent_is_rejected_with_its_line(tmp_path: Path) -> None:
    """What a file says of consent is understood or refused, never guessed."""
    rows = [row | {"agreed": word} for row, word in zip(french(3), ["yes", "perhaps", "no"], strict=True)]
    path = write_french(tmp_path, rows)
    with make_workspace(tmp_path) as workspace:
        start(workspace, path, PARIS)
        (rejects,) = tmp_path.rglob("gift-first.rejects.csv")
        text = rejects.read_text(encoding="utf-8")
        assert "no word that is known" in text
        assert number_of(workspace, "SELECT count(*) FROM contacts") == 2


@pytest.mark.parametrize(("kind", "until"), [(Kind.OPTED_OUT, timedelta(days=60)), (Kind.COMPLAINED, None)])
def test_a_no_in_france_ends_after_sixty_days_and_a_complaint_never(tmp_path: Path, kind: Kind, until: Any) -> None:
    """When the block is over the consent is still withdrawn: a late report of the same no changes neither."""
    path = write_french(tmp_path, french(4))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path, PARIS)
        dispatch(workspace, running, PARIS, 4)
        said = PARIS + HOUR
        tell(workspace, opted_out(0, said, kind), now=said)
        (row,) = rows_of(workspace, "SELECT kind, until FROM suppressions")
        phone = people.show(workspace, "C00000", said).contact.phone
        assert row[0] == ("complaint" if kind is Kind.COMPLAINED else "opted_out")
        assert suppress.check(workspace, phone, said + timedelta(days=59), region="FR")
        assert suppress.check(workspace, phone, said + timedelta(days=60), region="FR") == (until is None)
        late = said + timedelta(days=90)
        tell(workspace, opted_out(0, said, kind), Event("x", kind, said, "gift-first/C00000/1"), now=late)
        assert suppress.check(workspace, phone, late, region="FR") == (until is None)
        kept = people.show(workspace, "C00000", late).consent
        assert kept is not None
        assert kept.withdrawn


def test_a_no_in_china_is_for_ever(tmp_path: Path) -> None:
    """And cancels what is planned, in every experiment."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 2))
        dispatch(workspace, running, MONDAY, 2)
        tell(workspace, opted_out(0, MONDAY + HOUR), now=MONDAY + HOUR)
        assert rows_of(workspace, "SELECT kind, until FROM suppressions") == [("opted_out", None)]
        assert number_of(workspace, "SELECT count(*) FROM consents") == 0


def test_a_suppression_that_is_over_holds_nobody(tmp_path: Path) -> None:
    """While it holds a number is not enrolled; after it, it is called."""
    rows = make_rows(3)
    path = write_experiment(tmp_path, rows)
    with make_workspace(tmp_path) as workspace:
        number, end = "+86" + rows[0]["mobile"], MONDAY + DAY
        with workspace.database.writing() as connection:
            suppressions.add(connection, [number], "asked", "letter", MONDAY, until={number: end})
        assert plan(workspace, path, MONDAY).people.refused == {"suppressed": 1}
        assert plan(workspace, path, end).people.refused == {}
        running = start(workspace, path, end)
        assert asked(workspace, running, end) == {ALLOWED: 3}


def test_the_stronger_reason_stays_on_the_list(tmp_path: Path) -> None:
    """A later end above an earlier one, a person's wish above a register, and nothing weakens either."""
    with make_workspace(tmp_path) as workspace, workspace.database.writing() as connection:
        one, other = "+8619900000001", "+8619900000002"
        soon, later = MONDAY + DAY, MONDAY + 2 * DAY
        assert suppressions.add(connection, [one], "a", "a", MONDAY, until={one: soon}) == 1
        assert suppressions.add(connection, [one, other], "b", "b", MONDAY, until={one: later}) == 1
        assert suppressions.add(connection, [one], "c", "c", MONDAY, until={one: soon}) == 0
        assert [row.reason for row in suppressions.export(connection)] == ["b", "b"]
        suppressions.add(connection, [one], "d", "us-dnc", MONDAY, kind="national")
        suppressions.add(connection, [one], "e", "call", MONDAY, kind="complaint")
        suppressions.add(connection, [one], "f", "us-dnc", MONDAY, kind="national")
        found = {row.phone: (row.reason, row.kind, row.until) for row in suppressions.export(connection)}
        assert found == {one: ("e", "complaint", None), other: ("b", "internal", None)}
        assert suppressions.forget_list(connection, "us-dnc") == 0


def test_a_national_list_has_to_be_imported_where_the_region_asks_for_it(tmp_path: Path) -> None:
    """In Italy: nobody before it is, whoever is not on it after, and nobody when the import is too old."""
    rows = [row | {"mobile": f"+39312345{n:04}"} for n, row in enumerate(french(4))]
    audience = {"contacts": "contacts.csv", "columns": CONSENT, "region": "IT"}
    path = write_french(tmp_path, rows, audience=audience)
    with make_workspace(tmp_path) as workspace:
        said = plan(workspace, path, PARIS)
        assert said.people.refused == {"no_list": 4}
        assert any("ringlab suppress import FILE --list it-rpo" in note for note in said.notes)
        listed = write_rows(tmp_path / "rpo.csv", [{"phone": rows[0]["mobile"]}])
        with pytest.raises(NotFound, match="it-rpo"):
            suppress.import_file(workspace, listed, "phone", "rpo", PARIS, region="IT", national="it-rop")
        suppress.import_file(workspace, listed, "phone", "rpo", PARIS, region="IT", national="it-rpo")
        assert plan(workspace, path, PARIS).people.refused == {"suppressed": 1}
        assert plan(workspace, path, PARIS + 16 * DAY).people.refused == {"suppressed": 1, "no_list": 3}
        running = start(workspace, path, PARIS)
        assert asked(workspace, running, PARIS) == {ALLOWED: 3}
        assert asked(workspace, running, PARIS + 16 * DAY) == {Refused("no_list"): 3}
        # A whole new list lets a number go that it no longer has.
        other = write_rows(tmp_path / "rpo2.csv", [{"phone": rows[1]["mobile"]}])
        suppress.import_file(workspace, other, "phone", "rpo", PARIS, region="IT", national="it-rpo", replace=True)
        assert [row[0] for row in rows_of(workspace, "SELECT phone FROM suppressions")] == [rows[1]["mobile"]]


def test_a_call_is_asked_about_again_at_the_moment_of_sending(tmp_path: Path) -> None:
    """A window that closed, a deadline that passed and a number that came on the list meanwhile are seen."""
    end = {"schedule": {"end": "2026-11-25 12:00"}}
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 3, **end))
        due, _ = read(workspace, running, MONDAY)

        def again(now: datetime) -> list[Ruling]:
            rulings = read(workspace, running, now, due)[1]
            return [rulings.again(one) for one in due]

        assert again(MONDAY + timedelta(seconds=5)) == [ALLOWED] * 3
        assert again(MONDAY.replace(hour=12))[0] == Deferred("window", MONDAY + DAY - HOUR)
        assert again(MONDAY + 3 * DAY)[0] == Refused("expired")
        with workspace.database.writing() as connection:
            queue.begin(connection, [one.id for one in due], "here", MONDAY)
            suppressions.add(connection, [due[0].contact.phone], "asked", "letter", MONDAY)
            ends = {due[1].contact.phone: MONDAY + DAY}
            suppressions.add(connection, ends, "a no of sixty days", "call", MONDAY, until=ends)
        for now, listed in ((MONDAY, [True, True, False]), (MONDAY + DAY, [True, False, False])):
            with workspace.database.writing() as connection:
                held = queue.held(connection, [one.id for one in due], "here", now)
            assert [held[one.id] for one in due] == listed


def test_plan_counts_who_was_called_too_often(tmp_path: Path) -> None:
    """Over a file and over the roster: who waits for a cap is noted, who would wait beyond the end is refused."""
    first = write_experiment(tmp_path, 10)
    again = {"compatible_with": ["gift-first"], "caps": [{"calls": 1, "per": "30d"}]}
    short = again | {"schedule": {"end": "2026-12-01 20:00"}}
    with make_workspace(tmp_path) as workspace:
        dispatch(workspace, start(workspace, first), MONDAY, 4)
        for number, changes in enumerate((again, short)):
            for audience in ({"roster": True}, make_experiment()["audience"]):
                path = write_experiment(tmp_path, 10, experiment=f"plan-{number}", audience=audience, **changes)
                found = plan(workspace, path, MONDAY + DAY).people
                late = changes is short
                assert (found.refused, found.waiting, found.callable) == (
                    ({"cap": 4}, 0, 6) if late else ({}, 4, 10)
                ), audience


def test_plan_and_page_tell_what_to_know_of_the_region(tmp_path: Path) -> None:
    """An unknown region, an unknown year and a redial that the cap moves, in both languages."""
    with make_workspace(tmp_path) as workspace:
        notes = " ".join(plan(workspace, write_experiment(tmp_path, 10, caps=None), MONDAY + 40 * DAY).notes)
        assert "2 calls 2h apart, and a person is called at most 1 per 1d" in notes
        assert "the holidays of CN in 2027 are not known" in notes
        rows = [row | {"mobile": f"+8190123456{n:02}"} for n, row in enumerate(make_rows(4))]
        tokyo = {"contacts": "contacts.csv", "columns": COLUMNS, "region": "JP"}
        path = write_experiment(tmp_path, rows, experiment="tokyo", audience=tokyo)
        said = plan(workspace, path, MONDAY)
        assert said.people.refused == {"no_consent": 4}
        assert any("no rules are known for JP" in note for note in said.notes)
        start(workspace, write_experiment(tmp_path, 6, caps=None))
        found = ruled.rules_of(workspace, "gift-first", MONDAY)
        assert (found.people, found.refused_people, found.begun, found.next_due) == (6, 0, False, MONDAY)
        assert [str(cap) for cap in found.caps] == ["1 per 1d", "3 per 30d"]
        assert [day.hours for day in found.days] == [("09:00-20:00",)] * 7
        assert any("每人最多 1 次/1d" in one.text_zh for one in found.cautions)


def test_the_next_attempt_that_no_rule_allows_is_kept_as_a_refusal(tmp_path: Path) -> None:
    """A redial that would wait for a cap beyond the end is not planned, and the contact says why."""
    end = {"schedule": {"end": "2026-11-23 20:00"}, "caps": None}
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 2, **end))
        dispatch(workspace, running, MONDAY, 2)
        call = "gift-first/C00000/1"
        busy = Event("busy", Kind.ENDED, MONDAY + HOUR / 60, call, disposition=Disposition.BUSY)
        tell(workspace, busy, now=MONDAY + HOUR)
        assert counts_of(workspace, REFUSED) == {"cap": 1}


def test_states_of_one_country_have_rules_of_their_own(tmp_path: Path) -> None:
    """At half past eight New York may be called and Florida not; a contact's own state decides where it is known."""
    numbers = {"C0": "+12125550123", "C1": "+13055550123", "C2": "+12125550124"}
    states = {"C0": "", "C1": "", "C2": "US-FL"}
    rows = [
        {"id": key, "mobile": number, "tz": "America/New_York", "st": states[key], "agreed": "written"}
        for key, number in numbers.items()
    ]
    columns = {"key": "id", "phone": "mobile", "timezone": "tz", "state": "st", "consent": "agreed"}
    audience = {"contacts": "contacts.csv", "columns": columns, "region": "US"}
    control = {"script": "classic", "timing": {"window": "08:00-21:00"}}
    evening = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)  # 20:30 in New York
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, rows, audience=audience, control=control, paths={}, caps=None)
        start(workspace, path, evening)
        due = dict(
            rows_of(workspace, "SELECT contacts.key, due_at FROM calls JOIN contacts ON contacts.id = contact_id")
        )
        morning = datetime(2026, 11, 24, 13, tzinfo=UTC)
        seconds = {key: at / 1e6 for key, at in due.items()}
        assert seconds == {"C0": evening.timestamp(), "C1": morning.timestamp(), "C2": morning.timestamp()}


def test_a_written_consent_is_kept_and_counts_as_an_express_one() -> None:
    """What is signed was also said."""
    assert Consent(WRITTEN).holds((EXPRESS,), MONDAY)
    assert not Consent(EXPRESS).holds((WRITTEN,), MONDAY)


def test_a_contact_that_is_sent_brings_its_consent(tmp_path: Path) -> None:
    """Through the API as from a file: basis, time, where it was said, and where the proof is kept."""
    said = {"basis": "written", "at": MONDAY, "source": "checkout", "proof": "order 7"}
    sent = [
        {"key": "one", "phone": "+33612000001", "consent": said},
        {"key": "two", "phone": "+33612000002", "consent": {"basis": "withdrawn"}},
        {"key": "three", "phone": "+33612000003"},
    ]
    with make_workspace(tmp_path) as workspace:
        enroll.add_contacts(workspace, sent, MONDAY)
        found = [people.show(workspace, one["key"], MONDAY).consent for one in sent]
    assert found == [Consent(WRITTEN, MONDAY, "checkout", "order 7"), Consent("", None, "", "", withdrawn=True), None]


@pytest.mark.sqlite
def test_what_a_batch_reads_is_found_by_an_index(tmp_path: Path) -> None:
    """A person's calls are looked up by person and time, whatever else the table holds."""
    from engine.store.attempts import _SINCE

    with make_workspace(tmp_path) as workspace, workspace.database.reading() as connection:
        compiled = _SINCE.compile(connection, compile_kwargs={"literal_binds": False})
        values = [{"ids": "[1]", "since": 0}[name] for name in compiled.positiontup or ()]
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(values)).all()
    assert any("calls_of_person" in row[3] for row in steps), steps
