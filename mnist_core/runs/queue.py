"""Whose turn it is: the order in which queued runs of one lane are taken. Pure; the store asks it inside a claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Waiting", "fair_order"]


@dataclass(frozen=True)
class Waiting:
    """A queued run, as far as its turn depends on it."""

    run: str
    owner: str
    created: float


def fair_order(
    waiting: Sequence[Waiting], working: Mapping[str, int], used: Mapping[str, float]
) -> tuple[Waiting, ...]:
    """Queued runs in the order in which they are taken.

    Owners take turns: first whoever has the fewest runs at work or ahead in this order, then who has used the fewest
    slot seconds lately, then who came first. One owner's runs keep their order.

    Args:
        waiting: queued runs of one lane.
        working: how many runs of each owner are running in it.
        used: seconds of slots that each owner has used lately.
    """
    ahead = dict(working)
    turns = []
    for one in sorted(waiting, key=lambda w: (w.created, w.run)):
        turn = ahead.get(one.owner, 0)
        ahead[one.owner] = turn + 1
        turns.append((turn, used.get(one.owner, 0.0), one.created, one.run, one))
    return tuple(entry[-1] for entry in sorted(turns, key=lambda entry: entry[:-1]))
