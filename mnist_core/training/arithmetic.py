"""What layers compute in training, with fewer and faster operations than Keras's own, and the same values.

Each function stands for one kind of Keras layer where its own operations leave time lying about on a CPU; every other
layer is called as it is. What differs from Keras is the order in which sums are rounded.

The gradients are those of `tf.gradients`, as a tape does not know gradients that are set for a graph, and
`tf.custom_gradient` keeps the graph of each for ever.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from mnist_core.backend import keras, tf

__all__ = ["logits_in_training"]

MANY_WEIGHTS = 1 << 18
PRODUCT, BIAS = "MnistLabProduct", "MnistLabBias"


def logits_in_training(model: keras.Model, pixels: tf.Tensor, shards: int = 1) -> tf.Tensor:
    """The logits of a batch in training mode.

    Args:
        model: takes pixels, as `build_model` returns it; its batch-norm statistics are moved on.
        pixels: float32 (n, 28, 28, 1).
        shards: parts of the batch that are computed beside each other; 1 where layers mix the images of a batch.

    Returns:
        float32 (n, classes).
    """
    if shards == 1 or pixels.shape[0] < shards:
        return model._run_through_graph(pixels, operation_fn=_operation)
    cuts = [pixels.shape[0] * part // shards for part in range(shards + 1)]
    parts = [pixels[start:end] for start, end in pairwise(cuts)]
    return tf.concat([model._run_through_graph(part, operation_fn=_operation) for part in parts], axis=0)


def _operation(layer: keras.Layer) -> Callable[..., tf.Tensor]:
    match layer:
        case keras.layers.Dense():
            return partial(_dense, layer)
        case keras.layers.Conv2D(kernel_size=(1, 1)):
            return partial(_pointwise, layer)
        case keras.layers.BatchNormalization():
            return partial(_batch_norm, layer)
        case keras.layers.Dropout():
            return partial(_dropout, layer)
        case _:
            return layer  # type: ignore[no-any-return]


def _dense(layer: keras.layers.Dense, x: tf.Tensor, **_: Any) -> tf.Tensor:
    return layer.activation(_affine(*_cast(layer, x, layer.kernel, layer.bias)))


def _pointwise(layer: keras.layers.Conv2D, x: tf.Tensor, **_: Any) -> tf.Tensor:
    """A convolution with a window of one pixel is a product over the channels.

    With a stride of 2 and odd sizes TensorFlow's gradient of the kernel writes outside of its memory (2.21, oneDNN).
    """
    if layer.strides != (1, 1):
        # The means of windows of one pixel, as TensorFlow slices on one core.
        x = tf.nn.avg_pool2d(x, 1, layer.strides, "SAME")
    x, kernel, bias = _cast(layer, x, layer.kernel, layer.bias)
    _, rows, columns, channels = x.shape
    flat = _affine(tf.reshape(x, (-1, channels)), tf.reshape(kernel, (channels, layer.filters)), bias)
    return layer.activation(tf.reshape(flat, (-1, rows, columns, layer.filters)))


def _dropout(layer: keras.layers.Dropout, x: tf.Tensor, **_: Any) -> tf.Tensor:
    return layer(x, training=True)


def _cast(layer: keras.Layer, *tensors: Any) -> list[tf.Tensor]:
    return [tf.cast(tensor, layer.compute_dtype) for tensor in tensors]


def _affine(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Product and bias, (n, inputs) to (n, units), with the gradients below."""
    with tf.compat.v1.get_default_graph().gradient_override_map({"MatMul": PRODUCT, "BiasAdd": BIAS}):
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)


@tf.RegisterGradient(PRODUCT)  # type: ignore[untyped-decorator]
def _gradient_of_product(product: tf.Operation, upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """With a large transposed kernel, a product of batches takes 0.4 to 0.9 of the time of a product of matrices."""
    x, kernel = product.inputs
    if kernel.shape.num_elements() >= MANY_WEIGHTS:
        to_x = tf.squeeze(tf.matmul(upstream[None], kernel[None], transpose_b=True), axis=0)
    else:
        to_x = tf.matmul(upstream, kernel, transpose_b=True)
    return to_x, tf.matmul(x, upstream, transpose_a=True)


@tf.RegisterGradient(BIAS)  # type: ignore[untyped-decorator]
def _gradient_of_bias(_: tf.Operation, upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The sum over the batch as a product, as TensorFlow's own is computed on one core."""
    ones = tf.ones((1, upstream.shape[0]), upstream.dtype)
    return upstream, tf.reshape(tf.matmul(ones, upstream), (-1,))


def _batch_norm(layer: keras.layers.BatchNormalization, x: tf.Tensor, **_: Any) -> tf.Tensor:
    """Batch normalisation (Ioffe and Szegedy 2015) as one kernel instead of fifteen passes over the values.

    The kernel returns the unbiased variance, and Keras's running statistics follow the biased one.
    """
    inputs = tf.cast(x, tf.float32)
    images = inputs if len(x.shape) == 4 else inputs[:, None, None, :]
    nothing = tf.zeros((0,))
    found = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=layer.gamma.value,
        offset=layer.beta.value,
        mean=nothing,
        variance=nothing,
        epsilon=layer.epsilon,
    )
    count = images.shape[0] * images.shape[1] * images.shape[2]
    biased = found.batch_variance * ((count - 1) / count)
    kept = layer.momentum
    layer.moving_mean.assign(layer.moving_mean * kept + found.batch_mean * (1 - kept))
    layer.moving_variance.assign(layer.moving_variance * kept + biased * (1 - kept))
    return tf.cast(tf.reshape(found.y, x.shape), layer.compute_dtype)
