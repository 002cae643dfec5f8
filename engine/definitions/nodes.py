"""The tree of a YAML document, built from its events within bounds, and that tree as plain data."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)  # fmt: skip

from engine.definitions.places import START, Lines, Place, Trail
from engine.definitions.scalars import CORE, Refused, refused_tag, scalar
from engine.definitions.syntax import explained
from engine.errors import did_you_mean

MOST_VALUES = 20_000
DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar."""

    place: Place
    value: object
    size: int = 1
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: list["Node"] = field(default_factory=list)
    size: int = 1
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping: each key's place and value."""

    place: Place
    pairs: dict[str, tuple[Place, "Node"]] = field(default_factory=dict)
    size: int = 1
    depth: int = 1


Node = Leaf | Items | Pairs
OPEN = Leaf(START, None)  # stands for an anchor whose value is still being read


class Composer:
    """Builds the tree of one text; what is wrong with single words of it is left in `refused`."""

    def __init__(self, text: str, lines: Lines) -> None:
        self.text, self.lines = text, lines
        self.refused: list[Refused] = []
        self.anchors: dict[str, Node] = {}
        self.values = 0
        self.quoted: tuple[Place, int] | None = None  # the last text in quotes over several lines, and its last line
        self.events = self._events()

    def _events(self) -> Iterator[Any]:
        try:
            yield from YAML(typ="safe", pure=True).parse(self.text)
        except MarkedYAMLError as error:
            raise Refused(*explained(error, self.text, self.lines, self.quoted)) from error

    def document(self) -> Node:
        """The tree of the only document, an empty leaf when there is none; raises Refused."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, StreamStartEvent | StreamEndEvent | DocumentEndEvent):
                continue
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise Refused(self._place(event), "a second document begins here; one file holds one document")
                continue
            root = self._node(event, 0)
        return root or Leaf(START, None)

    def _place(self, event: Any) -> Place:
        return self.lines.place(min(event.start_mark.index, len(self.text)))

    def _node(self, event: Any, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor, place)
        self._count(1, place)
        if depth >= DEEPEST:
            raise Refused(place, f"nested more than {DEEPEST} deep; nothing here needs so many levels")
        if event.anchor:
            self.anchors[event.anchor] = OPEN
        if isinstance(event, ScalarEvent):
            node: Node = Leaf(place, self._scalar(event, place))
        else:
            self._check_tag(event, place)
            node = self._items(place, depth) if isinstance(event, SequenceStartEvent) else self._pairs(place, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _count(self, values: int, place: Place) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            raise Refused(place, f"more than {MOST_VALUES:,} values, with every alias written out; make it smaller")

    def _alias(self, name: str, place: Place) -> Node:
        node = self.anchors.get(name)
        if node is None:
            raise Refused(
                place, f"no anchor &{name[:60]} stands before its alias{did_you_mean(name[:60], self.anchors)}"
            )
        if node is OPEN:
            raise Refused(place, f"the alias *{name[:60]} stands inside what it names, which would never end")
        self._count(node.size, place)
        return replace(node, place=place)

    def _scalar(self, event: Any, place: Place) -> object:
        if event.style in ("'", '"') and event.end_mark.line > event.start_mark.line:
            self.quoted = place, self.lines.place(event.end_mark.index).line
        try:
            return scalar(event.value, event.tag, quoted=event.style is not None)
        except ValueError as error:
            self.refused.append(Refused(place, str(error)))
            return event.value

    def _check_tag(self, event: Any, place: Place) -> None:
        own = "seq" if isinstance(event, SequenceStartEvent) else "map"
        if event.tag not in (None, "!", CORE + own):
            self.refused.append(Refused(place, refused_tag(event.tag)))

    def _items(self, place: Place, depth: int) -> Items:
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, depth + 1))
            self._check_depth(depth, items[-1])
        return Items(place, items, *_measure(items))

    def _pairs(self, place: Place, depth: int) -> Pairs:
        pairs: dict[str, tuple[Place, Node]] = {}
        merged: list[Pairs] = []
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            self._pair(event, depth, pairs, merged)
        for source in merged:
            for name, pair in source.pairs.items():
                pairs.setdefault(name, pair)
        return Pairs(place, pairs, *_measure([value for _, value in pairs.values()]))

    def _pair(self, event: Any, depth: int, pairs: dict[str, tuple[Place, Node]], merged: list[Pairs]) -> None:
        place = self._place(event)
        key = self._key(event, depth, place)
        follows = next(self.events)
        value = self._node(follows, depth + 1)
        if isinstance(follows, ScalarEvent) and follows.start_mark.index == follows.end_mark.index:
            value = replace(value, place=place)  # nothing is written; the key is what an author can look for
        self._check_depth(depth, value)
        if key == "<<" and isinstance(event, ScalarEvent) and event.style is None:
            merged.extend(self._merged(value))
        elif key in pairs:
            first = pairs[key][0].line
            self.refused.append(Refused(place, f"{key[:60]!r} stands here twice; the first is in line {first}"))
        elif key is not None:
            pairs[key] = (place, value)

    def _key(self, event: Any, depth: int, place: Place) -> str | None:
        node = self._node(event, depth + 1)
        if isinstance(event, ScalarEvent):
            if not event.value:
                self.refused.append(Refused(place, "a key is missing before ':'"))
            return str(event.value)  # numbers and words such as `true` are keys as they are written
        if isinstance(node, Leaf):
            return str(node.value)
        self.refused.append(Refused(place, "a key is one word; a list or a mapping cannot be one"))
        return None

    def _merged(self, value: Node) -> list[Pairs]:
        nodes = value.items if isinstance(value, Items) else [value]
        wrong = [node for node in nodes if not isinstance(node, Pairs)]
        if wrong:
            self.refused.append(Refused(value.place, "'<<' takes a mapping, or a list of mappings"))
        return [node for node in nodes if isinstance(node, Pairs)]

    def _check_depth(self, depth: int, node: Node) -> None:
        if depth + node.depth >= DEEPEST:
            raise Refused(node.place, f"nested more than {DEEPEST} deep; nothing here needs so many levels")


def _measure(nodes: list[Node]) -> tuple[int, int]:
    """How many values a list or mapping of these expands to, and how deep it goes."""
    return 1 + sum(node.size for node in nodes), 1 + max((node.depth for node in nodes), default=0)


def spread(
    node: Node, trail: Trail, keys: MutableMapping[Trail, Place], values: MutableMapping[Trail, Place]
) -> object:
    """The plain data of a tree; notes the place of every key and value on the way."""
    values[trail] = node.place
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Items):
        return [spread(item, (*trail, index), keys, values) for index, item in enumerate(node.items)]
    data = {}
    for name, (place, value) in node.pairs.items():
        keys[(*trail, name)] = place
        data[name] = spread(value, (*trail, name), keys, values)
    return data
