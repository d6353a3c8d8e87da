"""How work in progress hears that somebody wants it to end."""

from collections.abc import Sequence
from time import monotonic

from mnist_core.runs import Archive, Lease, PointRecord

__all__ = ["LOOK_SECONDS", "StopRequested", "StopWatch"]

LOOK_SECONDS = 0.25


class StopRequested(Exception):
    """Someone asked this work to end."""


class StopWatch:
    """Looks whether a stop is wished, not too often.

    Args:
        archive: where the wish is written.
        lease: the right to do the work.
    """

    def __init__(self, archive: Archive, lease: Lease) -> None:
        self._archive, self._lease = archive, lease
        self._looked = monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the last look is old enough."""
        return monotonic() - self._looked >= LOOK_SECONDS

    def between(self) -> None:
        """Looks, if the last look is not too young.

        Raises:
            StopRequested: a stop is wished.
            LeaseLost: another worker has taken the work over.
        """
        if self.is_due:
            self.look()

    def look(self, points: Sequence[PointRecord] = ()) -> None:
        """Looks now, and records points.

        Raises:
            StopRequested: a stop is wished.
            LeaseLost: another worker has taken the work over.
        """
        wish = self._archive.store.beat(self._lease, points)
        self._looked = monotonic()
        if wish is not None:
            raise StopRequested
