"""For all tests: no example is too slow, as the machine may be busy, and no setting but the data comes from outside."""

import os

from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

OURS = ("MNIST_LAB_DATA", "MNIST_LAB_TEST_DB")
for name in [name for name in os.environ if name.startswith("MNIST_LAB_") and name not in OURS]:
    del os.environ[name]
