"""What all inspections have in common: how they are asked for, and how what comes of them is kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from mnist_core.inspection.subject import Subject
from mnist_core.part import Part
from mnist_core.sentences import validated

__all__ = ["Inspection", "Request"]


class Inspection(Protocol):
    """What comes of a request."""

    def to_files(self) -> dict[str, bytes]:
        """As files, by name."""

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Reads the files."""


Result = TypeVar("Result", bound=Inspection)


class Request(Part, ABC, Generic[Result]):
    """Something that one wants to know of the inside of a run's network.

    Attributes:
        KIND: what workers call it.
        FILES: the names of the files in which its result is kept.
    """

    KIND: ClassVar[str]
    FILES: ClassVar[tuple[str, ...]]

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Validates plain data, as JSON holds it.

        Raises:
            InvalidInput: a field breaks its rule; the sentence names field, rule and what was given.
        """
        return validated(cls, data)

    def order(self) -> dict[str, Any]:
        """The request as plain data: equal requests are equal here."""
        return self.model_dump(mode="json")

    @abstractmethod
    def fitted(self, run: Subject) -> Self:
        """The same request, checked against what the run has.

        Raises:
            InvalidInput: the run has not what is asked for.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
        """

    @abstractmethod
    def compute(self, run: Subject, between: Callable[[], object] = lambda: None) -> Result:
        """Finds the answer in this process.

        Args:
            run: whose network it is.
            between: called several times a second; may raise to end the work.

        Raises:
            InvalidInput: the dataset is another one, or what leaves a layer is not finite.
            EpochNotRecorded: the weights were not kept.
        """

    @staticmethod
    @abstractmethod
    def read(files: Mapping[str, bytes]) -> Result:
        """The result as it was kept."""
