"""What holds for every test."""

import pytest
from hypothesis import settings

# How long an example takes says what else the machine does; a test that hangs has its limit in pyproject.toml.
settings.register_profile("vlab", deadline=None)
settings.load_profile("vlab")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="give pages the output that their commands have now")
