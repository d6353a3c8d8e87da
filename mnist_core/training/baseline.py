"""scikit-learn's logistic regression as a run like the others: an epoch is one iteration of its solver.

The solver runs in a thread of its own and hands each iterate over before it goes on, so that evaluation and recording
stand between iterations, as they do for networks.
"""

import queue
import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets import Dataset, to_model_input
from mnist_core.errors import TrainingFailed
from mnist_core.inference.forward import Examples, Forward
from mnist_core.networks.build import build_model, load_model_weights, model_weights
from mnist_core.npz import Arrays
from mnist_core.spec import LbfgsSpec, RunSpec
from mnist_core.training.chunks import ChunkResult

__all__ = ["Baseline"]


class Baseline:
    """scikit-learn's logistic regression, one iteration of L-BFGS at a time.

    Args:
        spec: with the optimiser lbfgs.
        dataset: after grouping.
        examples: the same, on the device.
        train_ids: int32 (k,), the images to fit.
        threads: threads that its matrix products use.
    """

    steps_per_epoch = 1

    def __init__(
        self, spec: RunSpec, dataset: Dataset, examples: Examples, train_ids: NDArray[np.int32], *, threads: int
    ) -> None:
        assert isinstance(spec.optimizer, LbfgsSpec)
        self.model = build_model(spec.network.layers, seed=spec.seed)
        self.predict = partial(Forward(self.model).predict, examples)
        load_model_weights(self.model, {name: np.zeros_like(value) for name, value in self.weights().items()})
        self._pixels = to_model_input(dataset.images[train_ids]).reshape(len(train_ids), -1)
        self._labels = dataset.labels[train_ids]
        self._classes = len(dataset.classes)
        self._c = spec.optimizer.c
        self._fit = _StepwiseFit(spec, self._pixels, self._labels, threads=threads)

    def start_epoch(self, epoch: int) -> bool:
        """Runs the solver up to an iteration; False where it has converged before, but there is always one epoch."""
        while self._fit.iteration < epoch:
            if not self._fit.advance():
                return epoch == 1
        return True

    def run_steps(self, step: int, count: int) -> ChunkResult:
        """Puts the iterate into the network; its loss and accuracy are of all training images."""
        del step, count
        kernel, bias = two_columns(self._fit.coefficients, self._fit.intercepts)
        load_model_weights(self.model, {"output/kernel": kernel, "output/bias": bias})
        logits = self._pixels @ kernel + bias
        top = logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
        losses = log_sum - logits[np.arange(len(logits)), self._labels]
        right = logits.argmax(axis=1) == self._labels
        return ChunkResult(np.array([losses.mean()], np.float32), np.array([right.mean()], np.float32))

    def penalty(self) -> float:
        """The solver's L2 penalty on the coefficients, in nats per image."""
        kernel = self.weights()["output/kernel"].astype(np.float64)
        squares = float((kernel**2).sum()) * (2.0 if self._classes == 2 else 1.0)
        return squares / (2 * self._c * len(self._pixels))

    def weights(self) -> Arrays:
        """Coefficients and intercepts, as the weights of a dense layer."""
        return model_weights(self.model)

    def load_weights(self, weights: Arrays) -> None:
        """Puts recorded coefficients in; the solver's own memory is rebuilt by running it again."""
        load_model_weights(self.model, weights)

    def optimizer_state(self) -> Arrays:
        """Nothing: the solver is deterministic, and is run again from the start."""
        return {}

    def load_optimizer_state(self, state: Arrays) -> None:
        """Nothing to put back."""

    def close(self) -> None:
        """Ends the solver's thread."""
        self._fit.close()


def two_columns(
    coefficients: NDArray[np.float32], intercepts: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel (pixels, classes) and bias; for two classes scikit-learn fits one row, the difference of both."""
    if len(coefficients) == 1:
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
    return np.ascontiguousarray(coefficients.T, np.float32), intercepts.astype(np.float32)


class _Abandoned(Exception):
    """Nobody asks for more iterations."""


class _StepwiseFit:
    """`LogisticRegression.fit` in a thread that waits after each iteration; before the first, all weights are 0."""

    def __init__(self, spec: RunSpec, pixels: NDArray[np.float32], labels: NDArray[np.uint8], *, threads: int) -> None:
        rows = 1 if spec.classes == 2 else spec.classes
        self.iteration = 0
        self.coefficients = np.zeros((rows, pixels.shape[1]), np.float32)
        self.intercepts = np.zeros(rows, np.float32)
        self._spec, self._pixels, self._labels, self._threads = spec, pixels, labels, threads
        self._asks: queue.Queue[bool] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        self._thread: threading.Thread | None = None

    def advance(self) -> bool:
        """Runs one iteration; False where the solver has ended."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lbfgs", daemon=True)
            self._thread.start()
        if not self._thread.is_alive():
            return False
        self._asks.put(True)
        answer = self._answers.get()
        if isinstance(answer, Exception):
            raise TrainingFailed(f"scikit-learn's logistic regression failed: {answer}.") from answer
        if answer is None:
            return False
        self.coefficients, self.intercepts = answer
        self.iteration += 1
        return True

    def close(self) -> None:
        """Ends the thread."""
        self._asks.put(False)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        solver = self._spec.optimizer
        assert isinstance(solver, LbfgsSpec)
        model = LogisticRegression(C=solver.c, tol=solver.tolerance, max_iter=self._spec.training.epochs + 1)
        model.set_callbacks(_HandOver(self._asks, self._answers))
        try:
            self._wait()
            with threadpool_limits(self._threads):
                model.fit(self._pixels, self._labels)
        except _Abandoned:
            return
        except (ValueError, ArithmeticError) as error:
            self._answers.put(error)
            return
        self._answers.put(None)

    def _wait(self) -> None:
        if not self._asks.get():
            raise _Abandoned


class _HandOver:
    """scikit-learn's callback: hands the iterate over, then waits until the next one is asked for."""

    def __init__(self, asks: "queue.Queue[bool]", answers: "queue.Queue[Any]") -> None:
        self._asks = asks
        self._answers = answers

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing to set up."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing to tear down."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing to do before an iteration."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Hands over what one iteration has reached."""
        del estimator
        if context.task_name != "lbfgs-iter" or fitted_estimator is None:
            return
        self._answers.put((fitted_estimator.coef_.copy(), fitted_estimator.intercept_.copy()))
        if not self._asks.get():
            raise _Abandoned
