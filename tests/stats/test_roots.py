"""Roots inside a bracket, and that importing the statistics costs nothing."""

import subprocess
import sys

import numpy as np
import pytest

from engine.stats.roots import bisect, lockstep


def test_lockstep_finds_every_root():
    """Smooth, steep and kinked functions in one batch, each to its own root."""
    roots = np.array([0.1, 0.5, 0.93, 1e-6])

    def function(x):
        return np.where(roots < 0.3, np.sqrt(x) - np.sqrt(roots), np.tanh(50 * (x - roots)))

    assert lockstep(function, np.zeros(4), np.ones(4)) == pytest.approx(roots, abs=1e-11)


def test_an_end_that_is_zero_is_a_root():
    """Where the function vanishes at an end of the bracket that end is found."""
    assert lockstep(lambda x: x, np.zeros(1), np.ones(1))[0] == 0.0
    assert lockstep(lambda x: x - 1, np.zeros(1), np.ones(1))[0] == 1.0


def test_bisection_goes_to_the_last_bits():
    """A falling function's root is found to double precision."""
    assert bisect(lambda x: 2 - x * x, 0.0, 2.0) == pytest.approx(2**0.5, abs=1e-15)


def test_importing_the_statistics_loads_nothing_heavy():
    """Every module of the statistics imports without numpy, scipy and statsmodels."""
    code = (
        "import importlib, pkgutil, sys, engine.stats\n"
        "for module in pkgutil.iter_modules(engine.stats.__path__):\n"
        "    importlib.import_module('engine.stats.' + module.name)\n"
        "print(sorted({'numpy', 'scipy', 'statsmodels', 'pydantic', 'sqlmodel', 'fastapi'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
