"""What is asked of a map: which images, which layers at which epochs, by which method."""

import difflib
from collections.abc import Mapping
from math import prod
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from mnist_core.analysis.embedding import METHODS, Settings
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inference.activations import PIXELS, components_of
from mnist_core.maps.subject import Subject
from mnist_core.networks.shapes import INPUT_SHAPE
from mnist_core.part import Part, unit
from mnist_core.sentences import sentence, shown_value, validated

__all__ = ["MOST_SOURCES", "MapRequest", "Source"]

MOST_SOURCES = 24


class Source(NamedTuple):
    """What one map of a sequence shows: a layer, or "pixels", at an epoch."""

    layer: str
    epoch: int


class MapRequest(Part):
    """Maps of the same images, one for each source, in one frame of reference."""

    split: Literal["train", "validation", "test"] = Field(default="validation", description="which images")
    points: int = Field(
        default=10_000, ge=3, le=70_000, description="how many at most, of each class its share",
        json_schema_extra=unit("images"),
    )  # fmt: skip
    sample_seed: int = Field(default=0, ge=0, le=2**31 - 1, description="decides which images, where there are more")
    method: str = Field(default="umap", description="how vectors become places")
    settings: Settings = Field(description="those of the method")
    sources: tuple[Source, ...] = Field(
        min_length=1, max_length=MOST_SOURCES, description="layers and epochs, in the order in which they are played"
    )
    anchor: int = Field(default=0, ge=0, lt=MOST_SOURCES, description="place of the source that the others follow")

    @model_validator(mode="before")
    @classmethod
    def _settings_of_the_method(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        method = data.get("method", cls.model_fields["method"].default)
        if method not in METHODS:
            raise ValueError(f"`method` must be one of {', '.join(METHODS)}, got {shown_value(method)}")
        return {**data, "settings": _settings(method, data.get("settings"))}

    @model_validator(mode="after")
    def _sources_fit_together(self) -> Self:
        if len(set(self.sources)) < len(self.sources):
            raise ValueError("`sources` must name each layer and epoch once")
        if self.anchor >= len(self.sources):
            raise ValueError(f"`anchor` must be the place of a source, 0 to {len(self.sources) - 1}, got {self.anchor}")
        return self

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Validates plain data, as JSON holds it; `settings` may be left out, or some of them.

        Raises:
            InvalidInput: a field breaks its rule; the sentence names field, rule and what was given.
        """
        return validated(cls, data)

    def order(self) -> dict[str, Any]:
        """The request as plain data with all defaults written out: equal requests are equal here."""
        return self.model_dump(mode="json")

    def fitted(self, run: Subject) -> Self:
        """The same request with no more points than the split has, checked against what the run has.

        Raises:
            InvalidInput: the run has no such layer, the split too few images, or the settings do not fit these.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
        """
        images = len(run.sample(self.split).ids)
        fitting = self.model_copy(update={"points": min(self.points, images)})
        widths = {place.id: prod(place.output_shape) for place in run.layers} | {PIXELS: prod(INPUT_SHAPE)}
        for source in self.sources:
            _check_source(run, source)
            METHODS[self.method].check((fitting.points, components_of(widths[source.layer])), self.settings)
        return fitting


def _check_source(run: Subject, source: Source) -> None:
    layers, kept = run.layer_ids, run.weight_epochs
    if source.layer not in layers:
        raise InvalidInput(
            f"`layer` must be one of {', '.join(layers)} in `{run.record.name}`, got {shown_value(source.layer)}."
        )
    epoch = run.epoch_number(source.epoch)
    if source.layer == PIXELS or epoch in kept:
        return
    where = f"The weights of epoch {epoch} of `{run.record.name}` were not kept"
    if not kept:
        raise EpochNotRecorded(f"{where}, nor those of any other epoch; only `{PIXELS}` can be mapped.")
    nearest = min(kept, key=lambda one: abs(one - epoch))
    raise EpochNotRecorded(f"{where}; the nearest epoch whose weights were is {nearest}.")


def _settings(method: str, given: Any) -> Settings:
    kind = METHODS[method].settings
    if isinstance(given, kind):
        return given
    if isinstance(given, Part):
        raise ValueError(f"`settings` must be those of {method}, got those of another method")
    if not isinstance(given, Mapping | None):
        raise ValueError(f"`settings` must be an object, got {shown_value(given)}")
    plain = dict(given or {})
    for name in plain.keys() - kind.model_fields.keys():
        close = difflib.get_close_matches(str(name), list(kind.model_fields), n=1)
        has = ", ".join(f"`{known}`" for known in kind.model_fields)
        hint = f"did you mean `{close[0]}`" if close else f"there are {has}"
        raise ValueError(f"`{name}` is not a setting of {method}; {hint}")
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        raise ValueError(sentence(error, kind)) from None
