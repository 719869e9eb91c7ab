"""What holds for every test."""

from hypothesis import settings

# How long an example takes says what else the machine does; a test that hangs has its limit in pyproject.toml.
settings.register_profile("vlab", deadline=None)
settings.load_profile("vlab")
