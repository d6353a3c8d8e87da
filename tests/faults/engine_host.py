"""A process that has a job engine, as the app has one. It opens its home's laboratory, and closes when its input ends.

Usage: `MNIST_LAB_HOME=HOME python engine_host.py`.
"""

import sys

from mnist_core.jobs import Jobs, start_engine
from mnist_core.lab import Lab

if __name__ == "__main__":
    lab = Lab()
    jobs = Jobs(lab, start_engine)
    jobs.start()
    sys.stdin.read()
    jobs.close()
    lab.close()
