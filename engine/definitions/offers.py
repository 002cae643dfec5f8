"""What a treatment names: scripts, messages, voices, incentives and paths; and through whom it calls."""

import re
from collections.abc import Collection, Iterable
from typing import Literal

from pydantic import BaseModel

from engine.core.accounts import ACCOUNT
from engine.definitions.drafts import Draft
from engine.definitions.findings import mapping_at, shown
from engine.definitions.places import Trail
from engine.definitions.problems import fitted

SETTING = re.compile(r"\$\{(?!\w*\})[^}]{0,20}\}?|\$\{[0-9]\w*\}")


def check_offers(draft: Draft) -> None:
    """Whatever a treatment names exists, and what is offered is used."""
    _check_library(draft)
    _check_offer(draft, "incentive", "incentives")
    _check_offer(draft, "path", "paths")
    adapters, adapter = draft.surroundings.adapters, draft.experiment.adapter
    if adapters is not None and adapter not in adapters and draft.findings.clean(("adapter",)):
        message = f"there is no adapter {shown(adapter)}{draft.findings.near(adapter, adapters)}"
        draft.findings.at_value(("adapter",), message)
    _check_settings(draft, ("settings",), draft.experiment.settings)
    account = draft.experiment.settings.get(ACCOUNT)
    if account is not None and (not isinstance(account, str) or not account.strip()):
        draft.findings.at_value(("settings", ACCOUNT), "the name of the account is text, such as `account: main`")
    if draft.findings.clean(("adapter",)):
        _check_known(draft, draft.surroundings.settings(adapter))


def _check_known(draft: Draft, known: type[BaseModel] | Iterable[str] | None) -> None:
    """The settings are those of the adapter, as far as it says what it takes."""
    settings = {name: value for name, value in draft.experiment.settings.items() if name != ACCOUNT}
    if known is None or not draft.findings.clean(("settings",)):
        return
    if isinstance(known, type):
        fitted(known, settings, ("settings",), draft.findings)
        return
    names = (*known, ACCOUNT)
    for name in settings:
        if name not in names:
            hint = draft.findings.near(name, names)
            message = f"the adapter {draft.experiment.adapter} has no setting {shown(name)}{hint}"
            draft.findings.at_key(("settings", name), message, about=("settings",))


def _check_library(draft: Draft) -> None:
    near, own = draft.surroundings, set(draft.experiment.voices)
    voices = None if near.voices is None else near.voices | own
    known: tuple[tuple[Literal["script", "sms", "voice"], str, Collection[str] | None], ...] = (
        ("script", "script", near.scripts), ("sms", "message in scripts/sms", near.sms), ("voice", "voice", voices),
    )  # fmt: skip
    for trail, treatment, written in draft.written():
        for variable, kind, names in known:
            value: str | None = getattr(treatment, variable)
            place = (*trail, variable)
            if variable not in written or value is None or not draft.findings.clean(place):
                continue
            if not value.strip():
                draft.findings.at_value(place, "is empty; write a name")
            elif names is not None and value not in names:
                draft.findings.at_value(place, f"there is no {kind} {shown(value)}{draft.findings.near(value, names)}")


def _check_offer(draft: Draft, variable: Literal["incentive", "path"], section: str) -> None:
    offered = mapping_at(draft.data, section)
    named: set[str] = set()
    unknown: set[str] = set()
    arms = mapping_at(draft.data, "arms")
    broken = not draft.findings.clean(("control", variable), *(("arms", arm, variable) for arm in arms))
    for trail, treatment, written in draft.written():
        value: str | None = getattr(treatment, variable)
        if value is None or variable not in written or not draft.findings.clean((*trail, variable)):
            continue
        named.add(value)
        if value not in offered and (draft.findings.clean((section,)) or offered):
            hint = draft.findings.near(value, offered)
            unknown.add(value)
            cure = hint or f"; describe it there, as `{section}: {{{value[:60]}: …}}`"
            draft.findings.at_value((*trail, variable), f"{shown(value)} does not stand under {section}{cure}")
    unused = [name for name in offered if name not in named]
    if broken or len(unused) <= len(unknown):  # a misspelt name is not one that is missing and one too many
        return
    for name in unused:
        message = f"{shown(name)} is used by no arm; take it out, or name it as an arm's {variable}"
        draft.findings.at_key((section, name), message, about=(section,))


def _check_settings(draft: Draft, trail: Trail, value: object) -> None:
    """Text of the settings takes values from the environment as `${NAME}` and in no other form."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_settings(draft, (*trail, name), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_settings(draft, (*trail, index), inner)
    elif isinstance(value, str):
        wrong = SETTING.search(value)
        if wrong:
            message = f"{shown(wrong[0])} is not the name of an environment variable; write it as ${{VENDOR_KEY}}"
            draft.findings.at_value(trail, message)
