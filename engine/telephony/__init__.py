"""Providers: one module each, by the name that an experiment file uses.

A new adapter is one module and one line here; outside packages come in by the entry point
group `ringlab.adapters`, whose entries are factories of the same form.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from engine.errors import NotFound
from engine.telephony.adapter import Adapter, Capabilities

__all__ = ["ADAPTERS", "Adapter", "Capabilities", "adapter_names", "capabilities", "open_adapter"]

# Name in YAML → module. Each module has CAPABILITIES and open_adapter(settings, context).
ADAPTERS: dict[str, str] = {
    "http": "engine.telephony.http",
    "simulated": "engine.telephony.simulated",
}

Factory = Callable[[Mapping[str, Any], Mapping[str, Any]], Adapter]


def adapter_names() -> tuple[str, ...]:
    """Every adapter that an experiment may name."""
    return tuple(sorted({*ADAPTERS, *(entry.name for entry in entry_points(group="ringlab.adapters"))}))


def _module(name: str) -> Any:
    if name in ADAPTERS:
        return import_module(ADAPTERS[name])
    for entry in entry_points(group="ringlab.adapters"):
        if entry.name == name:
            return entry.load()
    raise NotFound("adapter", name, adapter_names())


def capabilities(name: str) -> Capabilities:
    """What the adapter of this name can do."""
    found: Capabilities = _module(name).CAPABILITIES
    return found


def open_adapter(name: str, settings: Mapping[str, Any], context: Mapping[str, Any]) -> Adapter:
    """The adapter of this name.

    `settings` are the experiment file's. `context` has what the workspace knows: `book`, the path of a
    file where a simulated provider keeps its own memory (":memory:" when there is none), and `truth`,
    a mapping of experiment name to its planted effects.
    """
    opened: Adapter = _module(name).open_adapter(settings, context)
    return opened
