"""The slots that work is done in: each is one worker process, of one lane, on one kind of device."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

__all__ = ["LANES", "Lane", "Slot", "resource", "slots_of"]

Lane = Literal["train", "view"]
LANES: tuple[Lane, ...] = get_args(Lane)
"""Training, and short work that lets people explore while others train."""

DEVICES = ("cpu", "gpu")


@dataclass(frozen=True)
class Slot:
    """A worker that takes runs of one lane.

    Attributes:
        lane: "train" or "view".
        device: "cpu" or "gpu".
        threads: threads that it trains with; 0 until it has said so.
        machine: where it is; empty until it has said so.
        worker: its process, as `machine.worker_name` names it; empty until it has said so.
        warm: whether it has loaded what it needs, so that a run begins at once.
    """

    lane: str
    device: str
    threads: int = 0
    machine: str = ""
    worker: str = ""
    warm: bool = False

    def to_json(self) -> dict[str, Any]:
        """The slot as plain data."""
        return asdict(self)


def resource(lane: str, device: str) -> str:
    """What Dask calls a place in this lane on this kind of device, as in `dask worker --resources "train-cpu=1"`."""
    return f"{lane}-{device}"


def slots_of(resources: Mapping[str, float], said: Mapping[str, Any]) -> list[Slot]:
    """The slots of one worker.

    Args:
        resources: what it offers, by the names of `resource`.
        said: what it has said of itself; empty while it is silent.
    """
    places = [(lane, device) for lane in LANES for device in DEVICES if resources.get(resource(lane, device))]
    return [Slot(lane, device, **said) for lane, device in places]
