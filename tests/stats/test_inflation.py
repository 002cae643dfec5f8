"""How much more planned looks take at most, against published factors."""

import math

import pytest

from engine.stats.group import boundaries
from engine.stats.inflation import inflation

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


@pytest.mark.parametrize(
    ("constant", "power", "published"),
    [(2.040, 0.8, 1.028), (2.040, 0.9, 1.026)],
)
def test_obrien_fleming_bounds_take_the_published_factor(constant: float, power: float, published: float) -> None:
    """Jennison & Turnbull 2000, table 2.4: five looks at a two-sided 5 %."""
    bounds = [constant / math.sqrt(share) for share in FIFTHS]
    assert inflation(FIFTHS, 0.05, power, bounds) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(("power", "published"), [(0.8, 1.229), (0.9, 1.207)])
def test_pocock_bounds_take_the_published_factor(power: float, published: float) -> None:
    """Jennison & Turnbull 2000, table 2.2: five looks at a two-sided 5 %."""
    assert inflation(FIFTHS, 0.05, power, [2.413] * 5) == pytest.approx(published, abs=1.1e-3)


def test_one_look_takes_the_fixed_sample() -> None:
    """Read once, nothing is lost; read more often, a little is, and with the error spent early more."""
    assert inflation([1.0]) == pytest.approx(1, abs=1e-5)
    late, early = inflation(FIFTHS), inflation(FIFTHS, bounds=boundaries(FIFTHS, spending="pocock"))
    assert 1 < late < 1.04 < early < 1.3


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"power": 1.0}, "power"), ({"bounds": [2.0]}, "bounds"), ({"power": 0.01}, "power"), ({"alpha": 0}, "alpha")],
)
def test_what_cannot_be_is_named(arguments: dict[str, float], name: str) -> None:
    """A wrong argument is told by its name."""
    with pytest.raises(ValueError, match=name):
        inflation(FIFTHS, **arguments)  # type: ignore[arg-type]
