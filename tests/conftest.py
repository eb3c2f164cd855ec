"""For all tests."""

from hypothesis import settings

settings.register_profile("seeded", derandomize=True, deadline=None)  # the same examples on every run and machine
settings.load_profile("seeded")
