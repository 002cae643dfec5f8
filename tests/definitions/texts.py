"""Experiment files for tests, good ones and ways to spoil them."""

from pathlib import Path

from engine.definitions.surroundings import Surroundings

WHOLE = """experiment: gift-first-2026-11
hypothesis: Naming the gift in the first sentence raises friend-adds by 2 points.
owner: growth
audience:
  contacts: contacts.csv
  columns: {key: customer_id, phone: mobile, name: name, timezone: tz, ordered_at: paid_at}
  where: {segment: [new-buyer, lapsed]}
  region: CN
  strata: [segment]
  holdout: 5%
control: {script: classic, voice: warm-female, sms: link, incentive: coupon-20, path: mini-program,
          timing: {after_order: 30m, window: "10:00-12:00"}, redial: {attempts: 2, gap: 4h, on: [no_answer, busy]}}
arms:                                    # each changes exactly one variable of the control
  gift-first: {script: gift-first}
  story:      {script: story}
shares: {control: 34%, gift-first: 33%, story: 33%}   # optional
size: {lift: 2pt, power: 80%}            # or {contacts_per_arm: 3000}
metrics:
  primary: conversion
  secondary: [connect, intent, order, revenue]
  guardrails: {complaint: {pause_at: 3}, opt_out: {no_worse_by: 1pt}}
conversion: {event: friend_added, within: 72h}
decision: {method: sequential, alpha: 5%, smallest_useful_lift: 1pt}   # or method: fixed
schedule: {start: "2026-11-23 09:00", end: "2026-12-05 20:00", days: [mon, tue, wed, thu, fri]}
pace: {per_second: 5, concurrent: 60, ramp: 10m, waves: auto}
budget: {calls: 20000, spend: 4000}
incentives: {coupon-20: {says: a coupon of 20 yuan, cost: 20}}
paths: {mini-program: {url: "https://example.com/j", steps: [sms, mini-program, qr, friend]}}
adapter: simulated
confirms: gift-first-2026-10
"""

# The same in block style, without `confirms` and `shares`.
SMALL = """experiment: small
audience:
  contacts: contacts.csv
  columns:
    key: customer_id
    phone: mobile
control:
  script: classic
  voice: warm-female
  timing:
    window: 10:00-12:00
  redial:
    attempts: 2
    gap: 4h
arms:
  gift-first:
    script: gift-first
  later:
    timing:
      window: 14:00-18:00
"""

HEADER = ("customer_id", "mobile", "name", "tz", "paid_at", "segment", "city")


def columns(path: Path) -> tuple[str, ...] | None:
    """The header of the only contact file that is there."""
    return HEADER if path.name == "contacts.csv" else None


def make_surroundings(**changes: object) -> Surroundings:
    """A workspace with a few scripts, messages and voices."""
    known: dict[str, object] = {
        "scripts": frozenset({"classic", "gift-first", "story", "no"}), "sms": frozenset({"link", "thanks"}),
        "voices": frozenset({"warm-female", "calm-male"}), "adapters": frozenset({"simulated", "http"}),
        "columns": columns,
    }  # fmt: skip
    return Surroundings(**(known | changes))  # type: ignore[arg-type]


def changed(text: str, *edits: tuple[str, str]) -> str:
    """A text with words exchanged; every word to exchange must be there once."""
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
        text = text.replace(old, new)
    return text
