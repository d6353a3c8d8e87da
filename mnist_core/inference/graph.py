"""Graphs of TensorFlow and their loops, said outright.

TensorFlow would also make a graph of a Python loop, by rewriting its source. That takes up to half a second before the
first step in a process, and two threads may not do it at once; see `mnist_core/npz.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mnist_core.backend import tf

__all__ = ["graph", "handed_on", "in_turn"]


def graph(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """A function compiled as it stands: `if` and `for` happen once, when it is traced.

    Args:
        function: takes tensors and returns tensors.
        options: those of `tf.function`.
    """
    return tf.function(function, autograph=False, **options)  # type: ignore[no-any-return]


def in_turn(
    step: Callable[[tf.Tensor], Sequence[tf.Tensor]], count: tf.Tensor, room: int, like: Sequence[tf.TensorSpec]
) -> tuple[tf.Tensor, ...]:
    """Runs steps one after another, for any count without compiling anew, which XLA would do for each `tf.range`.

    Args:
        step: takes the index of the step, int32.
        count: int32, how many steps, at most the room.
        room: the most that there can be.
        like: shape and dtype of what a step returns.

    Returns:
        What the steps returned, (room, ...) each, with zeros behind the last of them.
    """
    return handed_on(lambda index: (step(index), ()), count, room, like, ())


def handed_on(
    step: Callable[..., tuple[Sequence[tf.Tensor], Sequence[tf.Tensor]]],
    count: tf.Tensor,
    room: int,
    like: Sequence[tf.TensorSpec],
    first: Sequence[tf.Tensor],
) -> tuple[tf.Tensor, ...]:
    """As `in_turn`, where each step also hands something on to the next.

    Args:
        step: takes its index and what it was handed; returns what is kept of it, and what it hands on.
        count: int32, how many steps, at most the room.
        room: the most that there can be.
        like: shape and dtype of what is kept of a step.
        first: what the first step is handed.

    Returns:
        What is kept of the steps, as from `in_turn`.
    """

    def body(index: tf.Tensor, arrays: Sequence[tf.TensorArray], handed: Sequence[tf.Tensor]) -> tuple[Any, ...]:
        values, following = step(index, *handed)
        written = tuple(array.write(index, value) for array, value in zip(arrays, values, strict=True))
        return index + 1, written, tuple(following)

    empty = tuple(tf.TensorArray(spec.dtype, room, element_shape=spec.shape) for spec in like)
    start = tf.constant(0), empty, tuple(first)
    _, arrays, _ = tf.while_loop(lambda index, *_: index < count, body, start)
    return tuple(array.stack() for array in arrays)
