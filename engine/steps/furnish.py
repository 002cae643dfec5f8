"""A folder in, a workspace that runs out: scripts, one experiment, a sample of contacts, editor settings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.core.contacts import ContactColumns
from engine.definitions.schema import json_schema
from engine.errors import InputError
from engine.steps.made_up import write_contacts
from engine.workspace import shipped

CONTACTS = 2_000
COLUMNS = ContactColumns(key="customer_id", phone="mobile", name="name", ordered_at="paid_at")
EXPERIMENT = """\
# yaml-language-server: $schema=../.ringlab/schema.json
# A first experiment: does naming the gift in the first sentence bring more friends?
experiment: gift-first
hypothesis: Naming the gift in the first sentence raises friend-adds by 5 points.
owner: growth
audience:
  contacts: contacts.csv               # 2,000 made-up contacts; put your own file in its place
  columns: {key: customer_id, phone: mobile, name: name, ordered_at: paid_at}
  strata: [segment]                    # arms are dealt evenly within each segment
control: {script: classic, voice: warm-female, sms: link, incentive: coupon-20, path: mini-program,
          timing: {window: "10:00-12:00"}, redial: {attempts: 2, gap: 4h, on: [no_answer, busy]}}
arms:                                  # each changes exactly one variable of the control
  gift-first: {script: gift-first}
size: {lift: 5pt, power: 80%}          # what 2,000 people can show; 2pt takes about 10,000
decision: {smallest_useful_lift: 3pt}
caps: [{calls: 2, per: 24h}]           # over all experiments; the region's own default is one a day
conversion: {event: friend_added, within: 72h}
incentives: {coupon-20: {says: 二十元优惠券, cost: 20}}
paths: {mini-program: {url: "https://example.com/j", says: 点开短信里的小程序添加专属顾问}}
adapter: simulated                     # nobody is called; `ringlab adapters list` names the others
truth: {gift-first: 6pt}               # what the simulated people do; a real adapter has none
"""
ENVIRONMENT = """\
# What Ringlab reads from the environment. Copy this to .env, then: set -a; . ./.env; set +a
RINGLAB_DATABASE_URL=sqlite:///ringlab.db
RINGLAB_PUBLIC_URL=http://127.0.0.1:8000
"""
EDITOR = {"yaml.schemas": {".ringlab/schema.json": ["experiments/*.yaml", "experiments/*.yml"]}}


@dataclass(frozen=True, slots=True)
class Furnished:
    """What was made."""

    files: tuple[Path, ...]
    experiment: Path


def furnish(folder: Path) -> Furnished:
    """Make a workspace in `folder`; raises InputError, with nothing written, when a file of it is there already."""
    scripts = {folder / "scripts" / path.relative_to(source): path for source, path in _shipped_scripts()}
    experiment = folder / "experiments" / "gift-first.yaml"
    texts = {
        experiment: EXPERIMENT,
        folder / ".env.example": ENVIRONMENT,
        folder / ".vscode" / "settings.json": _json(EDITOR),
        folder / ".ringlab" / "schema.json": _json(json_schema()),
    }
    contacts = experiment.with_name("contacts.csv")
    files = [experiment, contacts, *scripts, *(path for path in texts if path != experiment)]
    try:
        _require_free(folder, files)
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        for path, source in scripts.items():
            path.write_bytes(source.read_bytes())
        write_contacts(contacts, CONTACTS, COLUMNS)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(
            f"{folder}: a workspace cannot be made there ({reason}); name a folder that can be written"
        ) from error
    return Furnished(tuple(files), experiment)


def _shipped_scripts() -> Iterator[tuple[Path, Path]]:
    source = shipped() / "scripts"
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix in (".j2", ".yaml"):
            yield source, path


def _require_free(folder: Path, files: list[Path]) -> None:
    there = [path for path in files if path.exists()]
    if there:
        raise InputError(f"{there[0]} is there already and is not overwritten; name another folder than {folder}")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
