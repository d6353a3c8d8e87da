"""What is recorded of a run once: its data, the machine that trained it, and the versions of what it ran with."""

import json
from typing import Annotated

from pydantic import Field

from mnist_core.runs.strict import Strict

__all__ = ["DatasetFacts", "Facts"]

Text = Annotated[str, Field(max_length=1000)]


class DatasetFacts(Strict):
    """The dataset as the run saw it, so that a run can be read without its images.

    Attributes:
        name: name in the registry, or the sha256 of own data.
        content_hash: sha256 that names the content.
        official: whether these were exactly the published files.
        classes: names of the classes, after grouping.
    """

    name: Text
    content_hash: Text
    official: bool
    classes: Annotated[tuple[Text, ...], Field(min_length=2, max_length=100, strict=False)]


class Facts(Strict):
    """The circumstances of a training.

    Attributes:
        dataset: what it was trained on.
        machine: host, processor and cores.
        system: operating system.
        device: "cpu" or "gpu".
        threads: threads that training used.
        versions: by package.
    """

    dataset: DatasetFacts
    machine: Text
    system: Text
    device: Text
    threads: Annotated[int, Field(ge=1)]
    versions: dict[Text, Text]

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Facts":
        """Reads what `to_bytes` wrote; anything else is a ValueError."""
        return cls.model_validate_json(data)
