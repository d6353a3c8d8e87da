"""The settings of each method: bounds, defaults, units and what each does. The defaults suit 10,000 images."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mnist_core.part import Part, unit

__all__ = ["PcaSettings", "Settings", "TsneSettings", "UmapSettings"]

Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
SEED_HELP = "the start of all random choices; the same seed gives the same map"


class PcaSettings(Part):
    """Principal component analysis."""

    components: Literal[2, 3] = Field(2, description="how many dimensions the map has")


class TsneSettings(Part):
    """t-SNE (van der Maaten & Hinton 2008), as fast as interpolation makes it (Linderman et al. 2019)."""

    perplexity: float = Field(
        30.0, ge=2, le=100, description="about how many neighbours each image stays near; more shows coarser structure",
        json_schema_extra=unit("neighbours"),
    )  # fmt: skip
    pca: int = Field(
        20, ge=0, le=512, description="reduces the layer to so many principal components first, 0 to keep all values",
        json_schema_extra=unit("components"),
    )  # fmt: skip
    iterations: int = Field(
        500, ge=50, le=5000, description="steps after the early ones; more let the map settle further",
        json_schema_extra=unit("iterations"),
    )  # fmt: skip
    early_iterations: int = Field(
        250, ge=0, le=2000, description="first steps, with stronger attraction, in which clusters find each other",
        json_schema_extra=unit("iterations"),
    )  # fmt: skip
    early_exaggeration: float = Field(
        12.0, ge=1, le=50, description="how many times stronger neighbours attract each other in the early steps"
    )
    exaggeration: float = Field(
        1.0, ge=1, le=10, description="how many times stronger they attract each other afterwards; more packs clusters"
    )
    learning_rate: float = Field(
        0.0, ge=0, le=100_000, description="how far points move in a step, 0 for images / exaggeration (Belkina 2019)"
    )  # fmt: skip
    seed: Seed = Field(0, description=SEED_HELP)


class UmapSettings(Part):
    """UMAP (McInnes, Healy & Melville 2018)."""

    neighbours: int = Field(
        15, ge=2, le=200, description="how many neighbours each image is tied to; more shows coarser structure",
        json_schema_extra=unit("neighbours"),
    )  # fmt: skip
    min_distance: float = Field(
        0.1, ge=0, le=2.0, description="how near to each other points may lie; less packs clusters"
    )
    spread: float = Field(1.0, ge=0.1, le=5.0, description="the scale of the map, at which points lie apart")
    pca: int = Field(
        0, ge=0, le=512, description="reduces the layer to so many principal components first, 0 to keep all values",
        json_schema_extra=unit("components"),
    )  # fmt: skip
    epochs: int = Field(
        200, ge=10, le=2000, description="rounds in which ties pull by their strength; more let the map settle further",
        json_schema_extra=unit("rounds"),
    )  # fmt: skip
    repulsion: int = Field(
        5, ge=1, le=20, description="random other images that push for each neighbour that pulls",
        json_schema_extra=unit("images"),
    )  # fmt: skip
    seed: Seed = Field(0, description=SEED_HELP)

    @model_validator(mode="after")
    def _distance_within_spread(self) -> Self:
        if self.min_distance > self.spread:
            raise ValueError(f"`min_distance` must be at most `spread` ({self.spread:g}), got {self.min_distance:g}.")
        return self


Settings = PcaSettings | TsneSettings | UmapSettings
