"""Processes of `ringlab` that are killed, stopped and cut off, before a provider that does everything wrong.

What holds is asked of the provider's own record. `RINGLAB_DEATHS=1000` lets a storm last until as many have died;
its figures are in `figures.json` of the test's folder.
"""

import json
import os
from pathlib import Path

import pytest

from tests.journeys.storm import Storm, check
from tests.journeys.world import Nursery, world

FIGURES = ("rung", "sent", "posted", "answers", "deliveries")
DEATHS = int(os.environ.get("RINGLAB_DEATHS", "10"))
AFTER_ORDER = {
    "script": "classic", "timing": {"window": "09:00-20:00", "after_order": "1s", "expires_after": "8s"},
    "redial": {"attempts": 2, "gap": "1s", "on": ["no_answer", "busy"]},
}  # fmt: skip
SEED = int(os.environ.get("RINGLAB_SEED", "1"))


@pytest.mark.slow
@pytest.mark.databases
def test_nobody_is_called_twice_in_a_storm(tmp_path: Path, nursery: Nursery) -> None:
    """Two who call and one who hears die again and again: no double, no call out of time, no lost event."""
    seconds = 2 + DEATHS * 0.25
    with world(tmp_path, nursery, "--hostile", seed=SEED) as here:
        paths = [
            here.write("waits", round(4 * seconds), 5, compatible_with=["follows"], pace={"per_second": 4}),
            here.write(
                "follows", round(3 * seconds), 5, orders=(0, seconds), compatible_with=["waits"],
                control=AFTER_ORDER, paths={}, pace={"per_second": 50},
            ),
        ]  # fmt: skip
        for path in paths:
            here.done("start", str(path))
        storm = Storm(here, SEED, DEATHS)
        storm.rage()
        storm.calm()
        ledger = check(here)
        (tmp_path / "figures.json").write_text(json.dumps(storm.counted | {name: ledger[name] for name in FIGURES}))
        assert ledger["rung"] >= DEATHS
