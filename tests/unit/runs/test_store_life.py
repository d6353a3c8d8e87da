"""Random lives of a run, compared with a model in plain Python."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mnist_core.errors import LeaseLost, RunBusy
from mnist_core.runs import EpochRecord, Lease, PointRecord, RunState, Store, Wish

TICKETS = st.sampled_from(["a", "b"])
FINAL = st.sampled_from([state for state in RunState if state.is_finished])


class LifeOfARun(RuleBasedStateMachine):
    """What the store says must be what the model says; `held` is the model's lease."""

    @initialize()
    def submit(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(f"sqlite:///{Path(self.folder.name) / 'lab.sqlite'}")
        self.run = self.store.submit({}, digest="0" * 64).id
        self.state, self.held, self.attempts = RunState.QUEUED, None, 0
        self.epoch, self.wish, self.steps = None, None, []
        self.leases: list[Lease] = [Lease(self.run, "never", 1)]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(ticket=TICKETS)
    def claim(self, ticket) -> None:
        lease = self.store.claim(self.run, ticket=ticket, worker="w", device="cpu")
        assert (lease is not None) == (self.state is RunState.QUEUED)
        if lease:
            self.attempts += 1
            assert lease == Lease(self.run, ticket, self.attempts)
            self.state, self.held = RunState.RUNNING, lease
            self.leases.append(lease)

    def lease(self, data) -> tuple[Lease, bool]:
        lease = data.draw(st.sampled_from(self.leases[-3:]))
        return lease, lease == self.held

    def write(self, holds, call) -> None:
        try:
            call()
        except LeaseLost:
            assert not holds
        else:
            assert holds

    @rule(data=st.data())
    def requeue(self, data) -> None:
        lease, holds = self.lease(data)
        assert self.store.requeue(self.run, ticket=lease.ticket, attempt=lease.attempt) == holds
        if holds:
            self.state, self.held = RunState.QUEUED, None

    @rule(data=st.data())
    def beat(self, data) -> None:
        lease, holds = self.lease(data)
        epoch = (-1 if self.epoch is None else self.epoch) + 1
        point = PointRecord(epoch, len(self.steps), 0.0, {"loss": [0.5]})
        self.write(holds, lambda: self.store.beat(lease, [point]))
        if holds:
            self.steps.append((epoch, point.step))

    @rule(data=st.data())
    def commit(self, data) -> None:
        lease, holds = self.lease(data)
        epoch = 0 if self.epoch is None else self.epoch + 1
        self.write(holds, lambda: self.store.commit_epoch(lease, EpochRecord(epoch, {}, 1.0, 1.0, 1.0), []))
        if holds:
            self.epoch = epoch

    @rule(data=st.data())
    def rewind(self, data) -> None:
        lease, holds = self.lease(data)
        self.write(holds, lambda: self.store.rewind(lease))
        if holds:
            self.steps = [step for step in self.steps if self.epoch is not None and step[0] <= self.epoch]

    @rule(wish=st.sampled_from(Wish))
    def ask(self, wish) -> None:
        assert self.store.wish(self.run, wish) == (not self.state.is_finished)
        if not self.state.is_finished and self.wish is not Wish.KILL:
            self.wish = wish

    @rule(data=st.data(), state=FINAL)
    def finish(self, data, state) -> None:
        lease, holds = self.lease(data)
        assert self.store.finish(lease, state) == holds
        if holds:
            self.state, self.held = state, None

    @precondition(lambda self: self.attempts > 2)
    @rule()
    def discard(self) -> None:
        assert self.store.discard_queued(self.run, "why") == (self.state is RunState.QUEUED)
        if self.state is RunState.QUEUED:
            self.state = RunState.STOPPED

    @precondition(lambda self: self.state is RunState.RUNNING)
    @rule()
    def delete(self) -> None:
        try:
            self.store.delete(self.run)
        except RunBusy:
            return
        raise AssertionError("a running run was deleted")

    @invariant()
    def store_and_model_agree(self) -> None:
        if not hasattr(self, "run"):
            return
        run = self.store.run(self.run)
        assert (run.state, run.attempt, run.epoch, run.wish) == (self.state, self.attempts, self.epoch, self.wish)
        assert (run.ended is not None) == self.state.is_finished
        points = self.store.points(self.run)
        assert [(point.epoch, point.step) for _, point in points] == self.steps
        last = -1 if self.epoch is None else self.epoch
        assert [record.epoch for record in self.store.epochs(self.run)] == list(range(last + 1))


TestLifeOfARun = LifeOfARun.TestCase
TestLifeOfARun.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
