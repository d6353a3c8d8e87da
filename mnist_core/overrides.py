"""Changing single fields of a specification by their path, as `--set` and `preset.on(...)` do."""

from typing import Any

from mnist_core.errors import InvalidSpec
from mnist_core.part import DISCRIMINATORS, Part

__all__ = ["SHORT_NAMES", "apply_overrides"]

SHORT_NAMES = {
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "optimizer.learning_rate",
}


def apply_overrides(data: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """A copy of plain specification data with some fields set by path; neither argument is changed.

    Changing what tells variants apart (`optimizer.name`, `schedule.kind`, the `kind` of a layer) resets the other
    fields of that part to the defaults of the new variant, unless they are set too. Turning early stopping on keeps
    the best epoch, unless `training.keep` is set too.

    Raises:
        InvalidSpec: a path leads nowhere.
    """
    paths = {SHORT_NAMES.get(path, path): value for path, value in overrides.items()}
    changed = dict(data)
    for path, value in sorted(paths.items(), key=lambda item: (item[0].count("."), not _is_discriminator(item[0]))):
        _set(changed, path, value)
    keep_is_set = "training.keep" in paths or "keep" in _as_dict(paths.get("training"))
    if not keep_is_set and _stops_early(changed) and not _stops_early(data):
        changed["training"] = {**changed["training"], "keep": "best"}
    return changed


def _stops_early(data: dict[str, Any]) -> bool:
    return _as_dict(data.get("training")).get("early_stopping") is not None


def _as_dict(value: Any) -> dict[str, Any]:
    opened = _opened(value)
    return opened if isinstance(opened, dict) else {}


def _is_discriminator(path: str) -> bool:
    return path == "optimizer.name" or path.endswith(".kind")


def _set(data: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    if not all([*parents, last]):
        raise InvalidSpec(
            f"`{path}` is not a field: a path is names with a dot between two, such as `training.epochs`."
        )
    place: Any = data
    for depth, key in enumerate(parents):
        inner = _opened(_get(place, key, path))
        if inner is None or (isinstance(inner, str) and key.endswith("initializer")):
            inner = {} if inner is None else {DISCRIMINATORS[0]: inner}
        if not isinstance(inner, dict | list):
            raise InvalidSpec(f"`{path}` is not a field: `{'.'.join(parents[: depth + 1])}` has no parts.")
        place[_key(place, key, path)] = inner
        place = inner
    if _is_discriminator(path) and isinstance(place, dict):
        place.clear()
    place[_key(place, last, path)] = value


def _opened(value: Any) -> Any:
    """A copy of what has parts, so that setting one of them changes nobody else's data."""
    if isinstance(value, Part):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return dict(value)
    return list(value) if isinstance(value, list | tuple) else value


def _get(place: Any, key: str, path: str) -> Any:
    return place[_key(place, key, path)] if isinstance(place, list) else place.get(key)


def _key(place: Any, key: str, path: str) -> Any:
    """The key of a dict, or the index that it stands for in a list."""
    if not isinstance(place, list):
        return key
    if not (key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(place)):
        rule = f"must be a number from 0 to {len(place) - 1}" if place else "leads into an empty list"
        raise InvalidSpec(f"`{path}` is not a field: `{key}` {rule}.")
    return int(key)
