"""A visitor who does anything at all, in a laboratory that changes underneath: every choice follows from a seed.

What the visitor sends is what a browser can send, and what a forged client can: values go over Streamlit's wire, so
neither bounds, options nor a disabled button keep them from the pages.
"""

import io
import json
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import (
    Button,
    ButtonGroup,
    Checkbox,
    Dataframe,
    Element,
    FileUploader,
    NumberInput,
    Pagination,
    Selectbox,
    Slider,
    TextArea,
    TextInput,
    Toggle,
    UnknownElement,
)

from mnist_core import presets
from mnist_core.errors import MnistLabError
from mnist_core.runs import RUN_LEVEL, Artifact, EpochRecord, Lease, PointRecord, RunState, Wish
from pages.ui.services import services

RUN_PAGES = ("predictions", "embeddings", "weights", "network", "curves")
PAGES = ("train", "runs", "data", *RUN_PAGES)
ME, OTHER = "visitor-me", "visitor-other"
LONGEST = 600
"""Letters of the longest sentence that a page may show: two short ones, with what was given."""

TEXTS = (
    *("", " ", "0", "1", "-1", "1e9", "1.5", "nan", "inf", "-inf", "None", "null", "true", "[]", "{}", "%00", "\x00"),
    *("x" * 5000, "9" * 400, "'; DROP TABLE run; --", "../../../etc/passwd", "/etc/passwd", "<script>a()</script>"),
    *("[a](b)", "**bold**", ":red[x]", "$x$", "two\nlines", "ünï©ode 🦊", "٣", "²", "\u202eright to left", "{0}", "%s"),
)
NUMBERS = (0, 1, 2, -1, 0.5, 7, 59, 60, 1e3, 1e5, 1e9, -1e9, 2**31, 2**53, 1e308, -1e308, 1e-320)
EPOCHS = ("kept", "best", "last", "0", "1", "2", "9", "-1", "-999999999", "999999999", "1000000000", "0x1", "1_0")
NAMES = ("new name", "queued one", "a/b", "0123abcd", "n" * 61, "é", "two\nlines", " ")
TYPED = ("", "0.1", "1/12", "10 %", "1/0", "5000", "0", "-3", "1e400", "inf", "%", "1/", "round: 0, 6", "a: 1\nb: x")
SAID: dict[str, tuple[str, tuple[Any, ...]]] = {
    "mnist_lab_preset_cards": ("chosen", tuple(presets)),
    "mnist_lab_cursor": ("move", (0, 1, 2, "live")),
    "mnist_lab_gallery": ("choose", tuple(range(0, 1797, 100))),
    "mnist_lab_map": ("select", ([], [0], [100], [3, 200, 1700], [-1], [10**9], 7)),
    "mnist_lab_tiles": ("choose", (0, 1, 9, 10**6, -1)),
}
"""The events of each component, with values that it may send."""

INDICES = ([-1], [10**9], ["x"], [None], [1.5], [[]], [True], [], 3, "ab", {})
READ = {
    "train": ("run", "epoch", "dataset", "preset"),
    "runs": ("run", "epoch", "split"),
    "predictions": (
        "run",
        "epoch",
        "split",
        "selection",
        "against",
        "against_run",
        "numbers",
        "panel",
        "image",
        "sort",
    ),
    "curves": ("run", "epoch", "split", "show", "x", "scale", "smoothing"),
    "data": ("run", "dataset", "view", "part", "label", "page", "image"),
}
"""Which query parameters a page reads."""

VIEWS = ("images", "network input", "groups", "own data", "nothing")


def npz(images: int = 60, classes: int = 3, **more: Any) -> bytes:
    file = io.BytesIO()
    labels = np.arange(images) % classes
    np.savez(file, **({"x": np.zeros((images, 28, 28), np.uint8), "y": labels} | more))
    return file.getvalue()


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as folder:
        for name, data in files.items():
            folder.writestr(name, data)
    return file.getvalue()


JUNK = (b"", b"no file", b"PK\x03\x04", zipped(), zipped(x=b"1"), npz(y=np.zeros(2)), npz(x=np.zeros((3, 5))))
SETS = (npz(), npz(images=6, classes=2), npz(classes=12), npz(classes_=["a"]), *JUNK)


@dataclass
class World:
    """The laboratory that the visitor looks at.

    Attributes:
        home: its folder.
        ids: of all that was recorded in it, by a name that does not change.
        bundle: a run as a file.
    """

    home: Path
    ids: dict[str, str]
    bundle: bytes

    def refs(self) -> list[str]:
        """What a link may call a run: by id, by a part of it, by name; what is gone, and what is no run."""
        ids = list(self.ids.values())
        return [*ids, *(one[:8] for one in ids), *(one[:13] for one in ids), *(one.upper() for one in ids), *self.ids]

    def foreign(self) -> dict[str, tuple[Any, ...]]:
        """What only their owners may change, by id; deleted runs are not there."""
        return {
            run.id: (run.name, run.note, run.owner, run.state, run.wish, run.spec)
            for run in services().lab.archive.store.runs()
            if run.owner != ME and run.id in self.ids.values()
        }

    def happens(self, rng: random.Random, looked_at: str) -> str:
        """Something that nobody on the page did, mostly to what is looked at."""
        known = {one: name for name, one in self.ids.items()}
        run_id = rng.choice([*known, *[self.ids["finished one"]] * 8])
        if looked_at in known and rng.random() < 0.6:
            run_id = looked_at
        what = rng.choice(
            [_delete, _purge, _rename, _note, _stop, _claim, _finish, _fail, _commit, _learn, *[_lose] * 4]
        )
        try:
            what(self, run_id, rng)
        except MnistLabError as error:
            return f"world: {what.__name__} {known[run_id]!r} refused: {error}"
        return f"world: {what.__name__} {known[run_id]!r}"


def _delete(world: World, run_id: str, rng: random.Random) -> None:
    services().lab.archive.store.delete(run_id)


def _purge(world: World, run_id: str, rng: random.Random) -> None:
    store = services().lab.archive.store
    if rng.random() < 0.7:
        store.delete(run_id)
    store.purge(older_than_s=-1)


def _rename(world: World, run_id: str, rng: random.Random) -> None:
    services().lab.archive.store.rename(run_id, rng.choice(NAMES))


def _note(world: World, run_id: str, rng: random.Random) -> None:
    services().lab.archive.store.set_note(run_id, rng.choice(TEXTS))


def _stop(world: World, run_id: str, rng: random.Random) -> None:
    store = services().lab.archive.store
    if not store.detach(run_id, "It was stopped.") and not store.discard_queued(run_id, "It was stopped."):
        store.wish(run_id, rng.choice(list(Wish)))


def _claim(world: World, run_id: str, rng: random.Random) -> None:
    services().lab.archive.store.claim(run_id, ticket="t", worker="a-worker", device="cpu")


def _lease(run_id: str) -> Lease:
    record = services().lab.archive.store.run(run_id)
    return Lease(run_id, record.ticket or "t", record.attempt)


def _finish(world: World, run_id: str, rng: random.Random) -> None:
    """Stopped or done; an order that is done without its file too, as when that was lost."""
    record = services().lab.archive.store.run(run_id)
    state = RunState.DONE if record.kind != "train" or (record.epoch or 0) > 0 else RunState.STOPPED
    result = {"best_epoch": record.epoch, "kept_epoch": record.epoch, "train": None, "machine": "a test", "test": None}
    result |= {"images_per_second": None}
    done = {"result": result} if state is RunState.DONE and record.kind == "train" else {}
    services().lab.archive.store.finish(_lease(run_id), state, **done, used=rng.choice([None, 0.0, 3.5]))


def _fail(world: World, run_id: str, rng: random.Random) -> None:
    lease = _lease(run_id)
    if rng.random() < 0.5:
        services().lab.archive.keep(lease, RUN_LEVEL, {"traceback": b"Trace \xff of a failure"})
    services().lab.archive.store.finish(lease, RunState.FAILED, reason=rng.choice([None, "The loss became infinite."]))


def _commit(world: World, run_id: str, rng: random.Random) -> None:
    lease, record = _lease(run_id), services().lab.archive.store.run(run_id)
    number = 0 if record.epoch is None else record.epoch + 1
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "train_eval_loss", "train_eval_accuracy", "penalty")
    metrics = dict.fromkeys(names, 0.5 / (number + 1)) | ({"loss": None, "accuracy": None} if number == 0 else {})
    files = files_of(world.ids["finished one"], min(number, 2)) if rng.random() < 0.5 else []
    files = [replace(file, epoch=number) for file in files if file.epoch != RUN_LEVEL]
    services().lab.archive.store.commit_epoch(lease, EpochRecord(number, metrics, 4.0, 0.5, 0.1), files)


def files_of(run_id: str, last: int) -> list[Artifact]:
    """What is recorded of a run up to an epoch."""
    return [file for file in services().lab.archive.store.artifacts(run_id) if file.epoch <= last]


def _learn(world: World, run_id: str, rng: random.Random) -> None:
    points = [PointRecord(1, step, 0.1 * step, {"loss": [1.0, None], "accuracy": [0.5, 0.6]}) for step in (0, 2)]
    services().lab.archive.store.beat(_lease(run_id), points)


def _lose(world: World, run_id: str, rng: random.Random) -> None:
    """Blobs of a run go, one or all, or become something else."""
    record = services().lab.archive.store.run(run_id)
    lost = [artifact.sha for artifact in services().lab.archive.store.artifacts(run_id)]
    lost += [str(record.spec.get("dataset", {}).get("name"))] if record.kind == "train" else []
    damaged = rng.random() < 0.3
    for sha in lost if rng.random() < 0.5 else rng.sample(lost, min(1, len(lost))):
        for path in (world.home / "blobs").rglob(f"{sha}*"):
            path.write_bytes(b"damaged") if damaged else path.unlink()


@dataclass
class Visitor:
    """Someone at the app, and what they did, so that it can be told."""

    world: World
    rng: random.Random
    app: AppTest
    page: str = ""
    events: list[str] = field(default_factory=list)

    def arrive(self) -> None:
        self.page = self.rng.choice(PAGES)
        self.events.append(f"opens {self.page}")
        self.app.switch_page(f"{self.page}.py")
        if self.rng.random() < 0.7:
            self._change_query()
        self.app.run()

    def act(self) -> None:
        """One event, and the page that follows from it."""
        does = (self._turn, self._link, self._send, self._press, self._upload)
        self.rng.choices(does, weights=(3, 4, 6, 4, 1))[0]()

    def waits(self) -> None:
        """What happens meanwhile, without a look at it."""
        self.events.append(self.world.happens(self.rng, _one(self.app.query_params.get("run", ""))))

    def _turn(self) -> None:
        self.page = self.rng.choice(PAGES)
        self.events.append(f"turns to {self.page}")
        if self.rng.random() < 0.7:
            self.app.query_params.clear()
        self.app.switch_page(f"{self.page}.py").run()

    def _link(self) -> None:
        if self.rng.random() < 0.3:
            self.app.query_params.clear()
        self._change_query()
        self.app.run()

    def _change_query(self) -> None:
        pools = self._parameters()
        read = READ.get(self.page, ()) if self.rng.random() < 0.8 else tuple(pools)
        for name in self.rng.sample(read or tuple(pools), self.rng.randint(1, 3)):
            pool = pools[name] if self.rng.random() < 0.75 else TEXTS
            value: Any = self.rng.choice(pool)
            self.app.query_params[name] = [value, self.rng.choice(pool)] if self.rng.random() < 0.05 else value
            self.events.append(f"link {name}={str(value)[:60]!r}")

    def _parameters(self) -> dict[str, Sequence[str]]:
        runs, few = self.world.refs(), [str(number) for number in range(12)]
        runs += [self.world.ids["finished one"]] * (len(runs) // 3)
        return {
            "run": runs,
            "epoch": EPOCHS,
            "split": ("validation", "test", "train", "holdout", "TRAIN"),
            "dataset": ("digits", "mnist", "fashion-mnist", "a" * 64, "digits/..", self.world.ids["own dataset"]),
            "preset": (*presets, "resnet", "softmax"),
            "selection": self._selections(runs),
            "against": ("previous", "best", "kept", "first", "same", *few),
            "against_run": runs,
            "numbers": ("counts", "by row", "difference", "nothing"),
            "panel": ("calibration", "probability", "ROC", "precision-recall", "random images", "nothing"),
            "sort": ("most confident", "highest loss", "longest wrong", "tallest"),
            "view": VIEWS,
            "part": ("all", "train", "validation", "test", "nowhere"),
            "label": ("all", *few, "99"),
            "page": (*few, "-1", "9999999"),
            "image": (*few, "1796", "1797", "-4", "9" * 20),
            "class": few,
            "show": ("training", "validation", "test", "nothing"),
            "x": ("epochs", "steps", "time", "miles"),
            "scale": ("linear", "log", "LOG"),
            "smoothing": ("0", "0.6", "0.99", "1", "-1"),
        }

    def _selections(self, runs: Sequence[str]) -> list[str]:
        """Rules of every kind, at epochs and of runs that may not be there."""
        rules = (
            "cell.4.9",
            "cell.x.8",
            "cell.x.x",
            "cell.40.40",
            "changed.fixed.0",
            "changed.broken.77",
            "ids.3.17.9999",
        )
        rules += (
            "probability.4.19.20",
            "probability.40.0.20",
            "confidence.14.15",
            f"changed.fixed.1.{self.rng.choice(runs)}",
        )
        splits = ("validation", "test", "train")
        return [
            f"{rule}~{self.rng.choice(('-', '0', '1', '99'))}~{self.rng.choice(splits)}~{self.rng.choice(runs)}"
            for rule in rules
        ]

    def _press(self) -> None:
        buttons = list(self.app.button)
        if not buttons:
            return self._turn()
        button = self.rng.choice(buttons)
        self.events.append(f"presses {button.label!r}{' (disabled)' if button.disabled else ''}")
        button._value = True
        self.app.run()
        return None

    def _upload(self) -> None:
        found = list(self.app.file_uploader)
        if not found:
            return self._turn()
        uploader: FileUploader = self.rng.choice(found)
        is_bundle = bool(uploader.form_id)
        data = self.rng.choice((self.world.bundle, self.world.bundle[:500], *JUNK) if is_bundle else SETS)
        name = self.rng.choice(("mine", "../up", "ü\n", "[a](b)", "x" * 300)) + (".zip" if is_bundle else ".npz")
        self.events.append(f"uploads {name!r}, {len(data)} bytes")
        uploader.set_value((name, data, "application/octet-stream"))
        self._submit(uploader)
        self.app.run()
        return None

    def _submit(self, element: Any) -> None:
        for button in self.app.button:
            if button.form_id == element.form_id and element.form_id:
                button._value = True
                self.events.append(f"presses {button.label!r}")

    def _send(self) -> None:
        """A value for some widget: one that it offers, or one that only a forged client sends."""
        found = [element for element in self.app._tree if _writes(element)]
        if not found:
            return self._turn()
        element: Any = self.rng.choice(found)
        honest, name = self.rng.random() < 0.5, getattr(element, "label", "") or element.key or element.type
        if getattr(element, "form_id", ""):
            element._value = self.rng.choice([*NAMES, *TEXTS])
            self.events.append(f"types {element._value[:60]!r} into {name!r}")
            self._submit(element)
            self.app.run()
            return None
        state = WidgetState(id=element.id)
        write = next(write for kind, write in WRITERS.items() if isinstance(element, kind))
        write(state, element, self.rng, honest)
        self.events.append(f"{'chooses' if honest else 'forges'} {name!r}: {str(state).partition(chr(10))[2][:120]!r}")
        send(self.app, state)
        return None


def send(app: AppTest, state: WidgetState) -> None:
    """Runs the app with what a client says of one widget, whatever that is."""
    states = app._tree.get_widget_states()
    kept = [one for one in states.widgets if one.id != state.id]
    del states.widgets[:]
    states.widgets.extend([*kept, state])
    app._run(states)


def _one(value: Any) -> str:
    return value[-1] if isinstance(value, list) else str(value)


def _writes(element: Element) -> bool:
    known = isinstance(element, tuple(WRITERS)) and not isinstance(element, Button | FileUploader)
    return known and bool(getattr(element, "id", "")) and element.type not in ("progress",)


Write = Callable[[WidgetState, Any, random.Random, bool], None]


def _options(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    chosen = rng.choice(element.options) if honest and element.options else rng.choice(TEXTS)
    if isinstance(element, ButtonGroup):
        state.string_array_value.data[:] = [] if rng.random() < 0.1 else [chosen]
    elif rng.random() < 0.9:
        state.string_value = chosen


def _truth(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    state.bool_value = rng.random() < 0.5


def _number(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    numbers = NUMBERS[:8] if honest else NUMBERS
    value = rng.choice(numbers)
    if rng.random() < 0.9:
        state.double_value = value


def _slider(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    values = [rng.uniform(element.min, element.max)] if honest else rng.choices([*NUMBERS, float("nan")], k=3)
    state.double_array_value.data[:] = values[: rng.randint(0, 3)] if not honest else values


def _page(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    state.int_value = rng.randint(1, 5) if honest else rng.choice([0, -1, 99, 2**31, -(2**40)])


def _text(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    state.string_value = rng.choice(TYPED if honest else TEXTS)


def _row(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    rows = [rng.randint(0, 12)] if honest else rng.choice(INDICES)
    state.string_value = json.dumps({"selection": {"rows": rows}})


def _mark(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    """A click on a chart."""
    indices = [rng.randint(0, 99)] if honest else rng.choice(INDICES)
    marks = [{"series_index": 0, "data_indices": indices}]
    if not honest and rng.random() < 0.3:
        marks = rng.choice(["x", [1], [None], {"a": 1}, 5, None])
    state.string_value = json.dumps({"selection": {"selected": marks}})


def _component(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    """What a component of this app says of itself: the network, the image or the epoch that was chosen."""
    event, values = SAID.get(element.proto.component_name, ("chosen", (1,)))
    value = (
        rng.choice(values) if honest else rng.choice([*TEXTS, 1, -1, 10**12, 1.5, True, None, ["mlp-512"], {"a": 1}])
    )
    state.id = f"$$STREAMLIT_INTERNAL_KEY_{element.id}__events"
    state.json_trigger_value = json.dumps([{"event": event, "value": value}])


def _unknown(state: WidgetState, element: Any, rng: random.Random, honest: bool) -> None:
    {"echarts_chart": _mark, "bidi_component": _component}.get(element.type, _truth)(state, element, rng, honest)


WRITERS: dict[type, Write] = {
    ButtonGroup: _options,
    Selectbox: _options,
    Checkbox: _truth,
    Toggle: _truth,
    NumberInput: _number,
    Slider: _slider,
    Pagination: _page,
    TextInput: _text,
    TextArea: _text,
    Dataframe: _row,
    UnknownElement: _unknown,
}
