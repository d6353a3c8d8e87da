"""Imports TensorFlow and Keras without their start-up messages, which no setting silences, and without a home.

Training, inference and networks/build.py take them from here; nobody else needs them.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["HAS_OWN_THREADS", "config", "context", "keras", "tf"]

STANDARD_ERROR = 2


@contextmanager
def _silence() -> Iterator[None]:
    """TensorFlow's C++ part writes to the file descriptor itself, before it reads any log level."""
    kept = os.dup(STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _own_settings() -> Iterator[None]:
    """Keras would write its settings into the user's home, and let settings there change the numbers of a run."""
    own = {"KERAS_HOME": f"{os.devnull}/keras", "KERAS_BACKEND": "tensorflow"}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _unseen(*names: str) -> Iterator[None]:
    """Keras imports pandas and scikit-learn where they are installed, which is half of its start; we hand it arrays."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_OVERRIDE_GLOBAL_THREADPOOL", "1")  # each context has threads of its own; training/cores.py
with _silence(), _own_settings(), _unseen("pandas", "sklearn"):
    import keras
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config  # the only place where determinism can be switched off again

    HAS_OWN_THREADS = context._context is None or not context._context._initialized
    """Whether contexts can have threads of their own; not where TensorFlow had started before, in a notebook."""

    tf.config.list_physical_devices()


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """Each run compiles its own network, which TensorFlow takes for one function that is compiled again and again."""
    message = record.getMessage()
    return not ("triggered tf.function retracing" in message and "mnist_core." in message)


logging.getLogger("tensorflow").addFilter(_is_worth_reading)
