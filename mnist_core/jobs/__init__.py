"""What is queued, who works on it, and what people may ask of it. The store holds the truth, Dask places work."""

from mnist_core.jobs.desk import EVERYBODY, Jobs, Plan, Standing
from mnist_core.jobs.engine import Engine, start_engine
from mnist_core.jobs.slots import Slot

__all__ = ["EVERYBODY", "Engine", "Jobs", "Plan", "Slot", "Standing", "start_engine"]
