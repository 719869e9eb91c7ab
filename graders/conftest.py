"""Lets pytest judge recorded evidence: `pytest graders/test_x.py --evidence FOLDER`."""

from vlab.grading.plugin import pytest_addoption, pytest_pycollect_makemodule

__all__ = ["pytest_addoption", "pytest_pycollect_makemodule"]
