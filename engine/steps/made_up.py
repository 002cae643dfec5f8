"""Made-up contacts: for a first workspace, and for simulations of files whose contacts are not there.

The numbers are of mobile form, so that every check takes them, in one block of a single prefix that counts up.
Nobody is called: they are for the simulated adapter.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.core.contacts import ContactColumns

PREFIX = "199"
MOST = 10 ** (11 - len(PREFIX))
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
ORDERED = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
VALUES: Mapping[str, tuple[str, ...]] = {
    "segment": ("new-buyer", "repeat", "lapsed"),
    "city_tier": ("T1", "T2", "T3"),
}
OTHER_VALUES = ("a", "b", "c")


def contact_rows(
    count: int, columns: ContactColumns, attributes: Mapping[str, Sequence[str]] = VALUES
) -> Iterator[dict[str, str]]:
    """Rows of a contact file under the names of `columns`; attributes take their values in turn, evenly."""
    for number in range(min(count, MOST)):
        row = {columns.key: f"C{number:07}", columns.phone: f"{PREFIX}{number:08}"}
        if columns.name:
            row[columns.name] = f"{SURNAMES[number % len(SURNAMES)]}{'女士' if number % 3 else '先生'}"
        if columns.timezone:
            row[columns.timezone] = "Asia/Shanghai"
        if columns.ordered_at:
            row[columns.ordered_at] = f"{ORDERED + timedelta(minutes=number * 7 % 20_000):%Y-%m-%d %H:%M}"
        for place, quantity in enumerate((columns.recency, columns.frequency, columns.monetary)):
            if quantity:
                row[quantity] = str(1 + number * (place + 3) % 90)
        period = 1
        for name, values in attributes.items():
            row.setdefault(name, values[number // period % len(values)])
            period *= len(values)
        yield row


def write_contacts(
    path: Path, count: int, columns: ContactColumns, attributes: Mapping[str, Sequence[str]] = VALUES
) -> None:
    """A CSV file of made-up contacts."""
    rows = contact_rows(count, columns, attributes)
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)
