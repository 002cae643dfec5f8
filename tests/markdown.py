"""Markdown, as far as the tests of the documentation read it."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what stands after its fence, and its text."""

    info: str
    text: str


def blocks(text: str) -> list[Block]:
    """Every fenced block of a Markdown text, in order."""
    found = re.findall(r"^```([^\n`]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(info.strip(), body) for info, body in found]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def command_lines(text: str, *infos: str) -> list[list[str]]:
    """The words of every `ringlab` line of the blocks that begin with these infos, up to a pipe or redirection."""
    found = []
    for block in blocks(text):
        if block.info in infos:
            for line in block.text.splitlines():
                for part in re.split(r"\s(?:&&|[|<>])\s", line)[:1]:
                    words = shlex.split(part, comments=True)
                    if words[:1] in (["ringlab"], ["cd"]):
                        found.append(words)
    return found


def inline_commands(text: str) -> list[list[str]]:
    """The words of every command in running text."""
    return [shlex.split(code) for code in re.findall(r"`(ringlab [a-z][^`]*)`", prose(text))]


def anchors(text: str) -> set[str]:
    """What a link may point at inside a page."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path, text: str) -> list[str]:
    """The links of a document that lead to no file, or to no heading of one."""
    broken = []
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(text)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name) if name else document
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


def shape(text: str) -> list[str]:
    """What two languages of one document must share: levels of headings, blocks, rows of tables, links."""
    found = []
    for line in text.splitlines():
        if heading := re.match(r"(#+) ", line):
            found.append(heading[1])
        elif row := re.match(r"\| (`.+?`) \|", re.sub(r"`([,、]) ?`", "`, `", line)):
            found.append(row[1])
        found += [target for target in re.findall(r"\]\(([^)]+)\)", line) if not target.startswith("README")]
    return found + [block.info + block.text for block in blocks(text)]


def section(text: str, heading: str) -> str:
    """The part of a document under a heading of the second level."""
    found = re.search(rf"^## `?{re.escape(heading)}`?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def tables(text: str) -> list[list[str]]:
    """The names in backticks of each table's first column, in order."""
    found: list[list[str]] = []
    for part in re.findall(r"(?:^\|.*\n)+", prose(text), re.MULTILINE):
        first = [re.split(r" \| ", line)[0] for line in part.splitlines()]
        found.append([name for cell in first for name in re.findall(r"`([^`]+)`", cell)])
    return found


def rows(part: str) -> dict[str, list[str]]:
    """The first table of a section: its first cell, in backticks, to the others."""
    lines = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in part.splitlines() if line.startswith("| `")]
    return {line[0].strip("`"): [cell.replace("\\|", "|") for cell in line[1:]] for line in lines}
