"""Where things are and how much they may use: the `MNIST_LAB_*` environment settings."""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mnist_core.errors import InvalidInput
from mnist_core.part import field_doc
from mnist_core.sentences import one_line, shown_value

__all__ = ["Settings", "available_cores", "load_settings"]


class Settings(BaseSettings):
    """The settings of this process, read from the environment once; each can be given as an argument too."""

    model_config = SettingsConfigDict(env_prefix="MNIST_LAB_", frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("mnist-lab"),
        description="the only folder the product writes to: database, blobs, downloads, logs",
    )
    data: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="folders that are only read, separated by `:`; each holds `mnist/`, `fashion-mnist/` or the files",
    )
    db: str = Field(default="", description="SQLAlchemy URL of the database; default SQLite in the home folder")
    blobs: str = Field(default="", description="fsspec URL of the blobs; default a folder in the home folder")
    scheduler: str = Field(
        default="",
        pattern=r"^(|(tcp|tls|ucx|ws|wss|inproc)://.+)$",
        description="the address of a Dask scheduler, such as tcp://host:8786, or empty for workers of the app's own",
    )
    profile: Literal["local", "demo", "workshop"] = Field(
        default="local", description="who uses this installation; `demo` keeps less of each run"
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="threads of a training slot; 0 means all cores of this machine"
    )
    snapshot_mb: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="megabytes of weights kept per run before epochs are thinned out; 0 means 256, or 64 in `demo`",
    )

    @field_validator("data", mode="before")
    @classmethod
    def _split_folders(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return _expanded(value)

    @field_validator("data", mode="after")
    @classmethod
    def _all_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(_expanded(folder) for folder in value)

    @cached_property
    def blobs_url(self) -> str:
        """Fsspec URL of the folder that holds the blobs."""
        return self.blobs or str(self.home / "blobs")

    @property
    def training_threads(self) -> int:
        """Number of threads that training uses."""
        return self.threads or available_cores()

    @property
    def snapshot_bytes(self) -> int:
        """Bytes of weights kept per run before epochs are thinned out."""
        return (self.snapshot_mb or (64 if self.profile == "demo" else 256)) * 2**20


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # what Python raises for the home folder of a user that there is not
        raise ValueError(f"must name a folder, got '{path}', a user that this machine does not know") from None


def available_cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_settings() -> Settings:
    """Reads the settings from the environment.

    Raises:
        InvalidInput: a variable breaks its rule; the sentence names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        name, given = f"`MNIST_LAB_{field.upper()}`", shown_value(first["input"])
        if first["type"] == "value_error":
            raise InvalidInput(one_line(f"{name} {first['ctx']['error']}")) from None
        raise InvalidInput(one_line(f"{name} {field_doc(Settings.model_fields[field]).rule}, got {given}")) from None
