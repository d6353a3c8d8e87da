"""Keras optimisers from their specification; Adam's update goes through TensorFlow's fused kernel.

A new optimiser is one new variant in spec.py and one new case here.
"""

from typing import Any

from mnist_core.backend import keras, tf
from mnist_core.spec import AdagradSpec, AdamSpec, AdamWSpec, LbfgsSpec, OptimizerSpec, RMSpropSpec, SgdSpec

__all__ = ["build_optimizer"]


class _OneDevice:
    """Leaves out the sum over replicas: TensorFlow keeps the graph of each for ever, and there is one replica."""

    def _all_reduce_sum_gradients(self, pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        return pairs


class _FusedUpdate(_OneDevice):
    """Adam's update as one kernel, `ResourceApplyAdam`: a quarter of the memory traffic of Keras's own."""

    def update_step(self: Any, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        beta_1, beta_2 = tf.constant(self.beta_1, tf.float32), tf.constant(self.beta_2, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, tf.float32),
            grad=tf.cast(gradient, tf.float32),
        )


class FusedAdam(_FusedUpdate, keras.optimizers.Adam):  # type: ignore[misc]
    """Keras's Adam with the fused update."""


class FusedAdamW(_FusedUpdate, keras.optimizers.AdamW):  # type: ignore[misc]
    """Keras's AdamW with the fused update."""


class Sgd(_OneDevice, keras.optimizers.SGD):  # type: ignore[misc]
    """Keras's SGD."""


class RMSprop(_OneDevice, keras.optimizers.RMSprop):  # type: ignore[misc]
    """Keras's RMSprop."""


class Adagrad(_OneDevice, keras.optimizers.Adagrad):  # type: ignore[misc]
    """Keras's Adagrad."""


def build_optimizer(spec: OptimizerSpec) -> keras.optimizers.Optimizer:
    """The Keras optimiser of a specification, with its learning rate as a variable that each step assigns."""
    match spec:
        case SgdSpec():
            return Sgd(spec.learning_rate, momentum=spec.momentum, nesterov=spec.nesterov)
        case AdamSpec():
            return FusedAdam(spec.learning_rate, beta_1=spec.beta_1, beta_2=spec.beta_2, epsilon=spec.epsilon)
        case AdamWSpec():
            return FusedAdamW(
                spec.learning_rate, spec.weight_decay, beta_1=spec.beta_1, beta_2=spec.beta_2, epsilon=spec.epsilon
            )
        case RMSpropSpec():
            return RMSprop(spec.learning_rate, spec.rho, spec.momentum, spec.epsilon)
        case AdagradSpec():
            return Adagrad(spec.learning_rate, spec.initial_accumulator, spec.epsilon)
        case LbfgsSpec():
            raise AssertionError("lbfgs is scikit-learn's; training/baseline.py runs it")
