"""One dataset in memory, as every source hands it on; where it comes from and how it is divided is not decided here."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mnist_core.errors import InvalidSpec
from mnist_core.spec import Grouping

__all__ = ["SIDE", "ByteArray", "Dataset", "DatasetInfo"]

SIDE = 28

ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels; a row is an image id: the official order, training part first, then test.

    Attributes:
        name: name in the registry, or the sha256 of own data.
        images: uint8 (n, 28, 28) in 0..255, read-only.
        labels: uint8 (n,) in 0..k-1, read-only.
        classes: names of the k classes.
        official_train: number of rows of the official training part; None where there is no official test part.
        content_hash: sha256 that names the content, whatever the labels are grouped into.
        source: where it was found, for display.
        official: whether these are exactly the published files (bundled digits included; own data never are).
    """

    name: str
    images: ByteArray = field(repr=False)
    labels: ByteArray = field(repr=False)
    classes: tuple[str, ...]
    official_train: int | None
    content_hash: str
    source: str
    official: bool

    def __post_init__(self) -> None:
        self.images.flags.writeable = False
        self.labels.flags.writeable = False

    @property
    def official_test(self) -> int:
        """Number of images of the official test part; 0 where there is none."""
        return 0 if self.official_train is None else len(self.labels) - self.official_train

    def grouped(self, grouping: Grouping | None) -> "Dataset":
        """The same images with labels merged into groups; the content hash stays, as the content does.

        Args:
            grouping: the groups in the order of their new labels, or None for the dataset as it is.

        Raises:
            InvalidSpec: a label of the dataset is in no group or in two, or a group names a label it does not have.
        """
        if grouping is None:
            return self
        _check_grouping(grouping, self)
        new_labels = np.zeros(256, np.uint8)
        for new, group in enumerate(grouping):
            new_labels[list(group.labels)] = new
        return replace(self, labels=new_labels[self.labels], classes=tuple(group.name for group in grouping))


def _check_grouping(grouping: Grouping, dataset: Dataset) -> None:
    rule = f"`dataset.grouping` must hold each of the {len(dataset.classes)} labels of `{dataset.name}` once"
    given = [label for group in grouping for label in group.labels]
    known = range(len(dataset.classes))
    if missing := [label for label in known if label not in given]:
        raise InvalidSpec(f"{rule}, got no group with label {missing[0]}; add it to one.")
    if extra := [label for label in given if label not in known]:
        raise InvalidSpec(f"{rule}, got label {extra[0]}, which it does not have; take it out.")
    if len(given) > len(known):
        twice = next(label for label in given if given.count(label) > 1)
        raise InvalidSpec(f"{rule}, got label {twice} twice; take it out of one group.")


@dataclass(frozen=True)
class DatasetInfo:
    """What can be said of a dataset without reading all of it.

    Attributes:
        name: name in the registry.
        classes: names of its classes.
        train: number of images of the official training part, or of all where there is no official test part.
        test: number of images of the official test part; 0 where there is none and the split makes one.
        available: whether it is here and looks sound, so that no download is needed.
        source: where it is, or how to get it.
    """

    name: str
    classes: tuple[str, ...]
    train: int
    test: int
    available: bool
    source: str
