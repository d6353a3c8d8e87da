"""What came out of a run and of each of its epochs, as it is recorded: numbers alone, nothing is computed here."""

from typing import Annotated

from pydantic import Field

from mnist_core.runs.strict import Strict

__all__ = ["EpochMetrics", "RunResult", "SplitResult", "TrainResult"]

Loss = Annotated[float, Field(ge=0)]
"""Mean cross-entropy in nats, without the penalty."""

Share = Annotated[float, Field(ge=0, le=1)]
TrainedEpoch = Annotated[int, Field(ge=1, le=2**31 - 1)]


class EpochMetrics(Strict):
    """The numbers of one epoch.

    Attributes:
        loss: mean over its training steps; None at epoch 0, which has none.
        accuracy: likewise.
        val_loss: on the validation split.
        val_accuracy: likewise.
        train_eval_loss: on training images, in evaluation mode.
        train_eval_accuracy: likewise.
        penalty: the L2 penalty of the weights, in nats.
    """

    loss: Loss | None
    accuracy: Share | None
    val_loss: Loss
    val_accuracy: Share
    train_eval_loss: Loss
    train_eval_accuracy: Share
    penalty: Loss


class TrainResult(Strict):
    """How right the kept epoch is on the whole training split."""

    epoch: TrainedEpoch
    loss: Loss
    accuracy: Share


class SplitResult(TrainResult):
    """How right the kept epoch is on the test split.

    Attributes:
        errors: how many images are wrong.
        interval: Wilson's 95 % interval of the accuracy, (low, high).
    """

    errors: Annotated[int, Field(ge=0)]
    interval: Annotated[tuple[Share, Share], Field(strict=False)]


class RunResult(Strict):
    """What a run came to.

    Attributes:
        best_epoch: the epoch with the lowest validation loss.
        kept_epoch: the epoch that counts.
        test: figures of the kept epoch on the test split.
        train: the same on the training split; None where the run did not come to its end.
        images_per_second: training images per second; None where no time was measured.
        machine: host, processor and cores.
    """

    best_epoch: TrainedEpoch
    kept_epoch: TrainedEpoch
    test: SplitResult
    train: TrainResult | None
    images_per_second: Annotated[float, Field(gt=0)] | None
    machine: Annotated[str, Field(max_length=1000)]
