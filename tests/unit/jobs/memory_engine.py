"""An engine without processes: it remembers what it was asked to do, and its tickets are never taken by themselves."""

import socket
from collections import Counter
from time import monotonic, sleep

from mnist_core.jobs import Slot
from mnist_core.machine import worker_name

HERE = worker_name()
GONE = f"{socket.gethostname()}:{HERE.split(':')[1]}:1"
"""A worker whose process has ended: this one's number, another start."""


class MemoryEngine:
    def __init__(self, *slots):
        self.given = slots or (Slot("train", "cpu", threads=1, worker=HERE, warm=True),)
        self.tickets = Counter()
        self.killed, self.errors = [], []
        self.closed = self.looks = self.views = 0

    def slots(self):
        self.looks += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.given

    def open_tickets(self):
        return self.tickets

    def issue(self, lane, device, count):
        self.tickets[lane, device] += count

    def need_views(self):
        self.views += 1

    def kill(self, worker):
        self.killed.append(worker)
        if worker != HERE:
            raise TimeoutError
        return True

    def close(self):
        self.closed += 1


def until(question, within=30.0):
    """The first answer that is true."""
    deadline = monotonic() + within
    while not (answer := question()):
        assert monotonic() < deadline, "waited too long"
        sleep(0.005)
    return answer
