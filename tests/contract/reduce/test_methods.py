"""The methods of the package keep the contract of methods."""

from __future__ import annotations

import pytest

from pyramid.reduce import Method, load_method
from pyramid.testing.methods import MethodContract


@pytest.mark.parametrize("name", ["gaussian", "max", "mean", "median", "min", "mode", "nearest"])
class TestMethods(MethodContract):
    @pytest.fixture
    def method(self, name: str) -> Method:
        return load_method(name)
