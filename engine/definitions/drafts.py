"""An experiment file while its meaning is checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.core.experiments import CONTROL, Experiment
from engine.core.treatments import Treatment
from engine.definitions.findings import Findings
from engine.definitions.places import Trail
from engine.definitions.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be understood of a file, whose values that were wrong are at their defaults.

    `data` is the file as it was written; `findings` knows which values were wrong.
    """

    path: Path
    data: dict[str, object]
    experiment: Experiment
    surroundings: Surroundings
    findings: Findings

    def written(self) -> Iterator[tuple[Trail, Treatment, dict[str, object]]]:
        """Every place where a treatment is written, with the whole treatment and the words written there."""
        control = self.data.get(CONTROL)
        yield (CONTROL,), self.experiment.control, control if isinstance(control, dict) else {}
        for arm, change in self.experiment.arms.items():
            yield ("arms", arm), self.experiment.treatments[arm], change
