"""Providers: one module each, by the name that an experiment file uses.

A new adapter is one module and one line here. Outside packages come in by the entry point group
`ringlab.adapters`, whose entries are modules (or objects) of the same form: `CAPABILITIES`, `open_adapter(settings,
context)`, and, where they like, `API`, the version of the port that they were written for, and `SETTINGS`, a pydantic
model of their settings.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from engine.core.accounts import ACCOUNT
from engine.errors import AdapterError, NotFound
from engine.telephony.adapter import API, RECEIVED_AT, Adapter, Capabilities

__all__ = [
    "ADAPTERS", "GROUP", "RECEIVED_AT", "Adapter", "Capabilities", "adapter_names", "capabilities", "known_settings",
    "open_adapter",
]  # fmt: skip

GROUP = "ringlab.adapters"

# Name in YAML → module. Each module has CAPABILITIES and open_adapter(settings, context).
ADAPTERS: dict[str, str] = {
    "http": "engine.telephony.http",
    "simulated": "engine.telephony.simulated",
}

Factory = Callable[[Mapping[str, Any], Mapping[str, Any]], Adapter]


def adapter_names() -> tuple[str, ...]:
    """Every adapter that an experiment may name, also those of outside packages that do not load."""
    return tuple(sorted({*ADAPTERS, *(entry.name for entry in entry_points(group=GROUP))}))


def _module(name: str) -> Any:
    """The module of an adapter; raises NotFound, and AdapterError for one of outside that cannot be used."""
    if name in ADAPTERS:
        return import_module(ADAPTERS[name])
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return _loaded(entry)
    raise NotFound("adapter", name, adapter_names())


def _loaded(entry: EntryPoint) -> Any:
    """What an entry point names, when it is an adapter for this release."""
    package = f"the package {entry.dist.name!r}" if entry.dist else f"its package ({entry.value})"
    whose = f"the adapter {entry.name!r} of {package}"
    try:
        module = entry.load()
    except Exception as error:  # whatever the package of somebody else raises, only its own adapter is broken
        raise AdapterError(f"{whose} does not load: {type(error).__name__}: {error}; mend or remove it") from error
    written_for = getattr(module, "API", API)
    if written_for != API:
        raise AdapterError(
            f"{whose} was written for version {written_for} of the adapters' port, and this release has version "
            f"{API}; install a release of {'it' if written_for < API else 'Ringlab'} that goes with the other"
        )
    lacks = [part for part in ("CAPABILITIES", "open_adapter") if not hasattr(module, part)]
    if lacks or not isinstance(module.CAPABILITIES, Capabilities):
        what = f"has no {lacks[0]}" if lacks else "has CAPABILITIES that are none"
        raise AdapterError(f"{whose} {what}; see docs/adapters.md")
    return module


def capabilities(name: str) -> Capabilities:
    """What the adapter of this name can do; raises NotFound and AdapterError."""
    found: Capabilities = _module(name).CAPABILITIES
    return found


def known_settings(name: str) -> type[BaseModel] | Iterable[str] | None:
    """What an adapter says of its settings: a model, or their names; None when it says nothing or is broken."""
    try:
        module = _module(name)
    except (AdapterError, NotFound):
        return None
    model: type[BaseModel] | None = getattr(module, "SETTINGS", None)
    return model or tuple(module.CAPABILITIES.settings) or None


def open_adapter(name: str, settings: Mapping[str, Any], context: Mapping[str, Any]) -> Adapter:
    """The adapter of this name; raises NotFound, AdapterError and InputError.

    `settings` are the experiment file's. `context` has what the workspace knows: `book`, the path of a
    file where a simulated provider keeps its own memory (":memory:" when there is none), `truth`, a mapping of
    experiment name to its planted effects, `render`, which fills a template in the sandbox of scripts, and
    `callback_url`, where the world reports to this server. The setting `account` is the engine's own.
    """
    own = {key: value for key, value in settings.items() if key != ACCOUNT}
    opened: Adapter = _module(name).open_adapter(own, context)
    return opened
