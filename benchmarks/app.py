"""What the app costs, through its own websocket, without a browser: starts, first points, reruns, ticks, memory.

    python -m benchmarks.app [--smoke] [--json]

CPU is the time that the app's own process used, by its clock, from a request until its page is drawn; the rest of the
process (the scheduler, the thread that looks after jobs) works on meanwhile and is counted with it. Memory is resident,
for further sessions what the app shares with nobody.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.visitor import Visitor
from mnist_core.datasets import available
from mnist_core.machine import machine_name
from mnist_core.settings import load_settings
from tools.app_server import AppServer, until

MB = 2**20
IMAGES = 10_000
LOOKED_AT = "benchmark"
SETTLE_SECONDS = 0.15
FIRST_SESSIONS = 20
"""What these add is not counted: while they come, memory of the start is still given back."""
EPOCHS = 30
MOVERS = 20
LONG_RUN_EPOCHS = 1000
FIRST_POINT_PATIENCE = 60
VIEW_PATIENCE = 180
MOVED = {
    "predictions": "",
    "curves": "",
    "embeddings": "&layer=output&along=all%20epochs",
    "weights": "&unit=3",
    "network": "",
}
"""Pages whose cursor is moved, with their options."""
ASKING = ("weights", "network")
"""Those that ask a worker at each epoch: their cursor is moved once the answers are there."""
MAP = "mnist_lab_map"
BUDGETS = {
    "cold start to the first usable page": (3.0, "s"),
    "Train to the first point, warm worker, shape seen before": (1.0, "s"),
    "rerun of the train page, CPU": (60.0, "ms"),
    "rerun of the runs page, CPU": (60.0, "ms"),
    "rerun of the predictions page, another cell, CPU": (60.0, "ms"),
    "rerun of the data page, CPU": (60.0, "ms"),
    "move of the epoch cursor, predictions page, CPU": (150.0, "ms"),
    "move of the epoch cursor, curves page, CPU": (150.0, "ms"),
    "move of the epoch cursor, embeddings page, CPU": (150.0, "ms"),
    "move of the epoch cursor, weights page, CPU": (150.0, "ms"),
    "move of the epoch cursor, network page, CPU": (150.0, "ms"),
    "move of the epoch cursor, 20 sessions at once, mean CPU": (150.0, "ms"),
    "live tick of a training run, CPU": (8.0, "ms"),
    "app process, idle": (300.0, "MB"),
    "app process, each further session": (2.0, "MB"),
    "all processes, idle, one train worker": (1300.0, "MB"),
    "all processes, idle, train and view worker": (2100.0, "MB"),
}
"""What is measured, the most that it may be, and the unit."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="few repetitions, to see that it works")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of a table")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "app.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        report = measure(Path(folder), smoke=arguments.smoke)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report) if arguments.json else table(report))
    return 0


def measure(folder: Path, *, smoke: bool) -> dict[str, Any]:
    repeats, sessions = (3, 3) if smoke else (30, 20)
    found: dict[str, float] = {}
    home = folder / "home"
    images = train_one(AppServer(home), smoke=smoke)
    say(f"{images:,} validation images")
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    starts = [cold_start(AppServer(folder / f"cold-{turn}", **compiled)) for turn in range(2 if smoke else 4)]
    found["cold start to the first usable page"] = median(starts[1:])  # the first compiles, as installing does
    server = AppServer(home).start()
    try:
        server.wait_until_warm()
        found |= memory(server, sessions)
        found |= reruns(server, repeats)
        found |= moves(server, smoke=smoke)
        found |= live(server, repeats, "digits" if images < IMAGES else "mnist")
    finally:
        end(server)
    found["all processes, idle, train and view worker"] = with_view_worker(AppServer(folder / "demo"))
    rows = [
        {"what": what, "budget": budget, "unit": unit, "measured": round(found[what], 3)}
        for what, (budget, unit) in BUDGETS.items()
    ]
    return {"machine": machine_name(), "images": images, "rows": rows}


def train_one(server: AppServer, *, smoke: bool) -> int:
    """Trains what the predictions page will show; returns the number of its validation images."""
    has_mnist = any(info.name == "mnist" and info.available for info in available(load_settings()))
    epochs = 4 if smoke else EPOCHS
    options = ["--preset", "softmax-regression", "--set", f"training.epochs={epochs}", "--name", LOOKED_AT]
    if smoke or not has_mnist:
        options += ["--dataset", "digits"]
    else:
        options += ["--dataset", "mnist", "--set", f"split.validation={IMAGES}"]
    server.command("train", *options)
    report = json.loads(server.command("evaluate", LOOKED_AT, "--json"))
    return sum(sum(row) for row in report["confusion"])


def cold_start(server: AppServer) -> float:
    """Seconds from the start of the process until the train page is drawn for its first visitor."""
    began = time.perf_counter()
    server.launch()
    try:
        visitors: list[Visitor] = []
        until(lambda: bool(visitors) or arrived(server, visitors), 60, "the app takes visitors", 0.01)
        with visitors[0] as visitor:
            visitor.run()
            took = time.perf_counter() - began
            assert visitor.has_button("Train")
    finally:
        end(server)
    say(f"cold start {took:.2f} s")
    return took


def arrived(server: AppServer, visitors: list[Visitor]) -> bool:
    try:
        visitors.append(Visitor(server.port))
    except OSError:
        return False
    return True


def memory(server: AppServer, sessions: int) -> dict[str, float]:
    """Resident memory of the app before anyone comes but one, and what each further session adds."""
    app = psutil.Process(server.process.pid)
    with ExitStack() as open_sessions:
        drop_in(server, open_sessions)
        settle(app)
        alone, everybody = app.memory_info().rss / MB, total_memory(server)
        some, many = (private_with(app, server, open_sessions, count) for count in (FIRST_SESSIONS, sessions))
    say(f"app {alone:.0f} MB, {some:.0f} with {FIRST_SESSIONS} sessions, {many:.0f} with {sessions} more")
    return {
        "app process, idle": alone,
        "app process, each further session": (many - some) / sessions,
        "all processes, idle, one train worker": everybody,
    }


def private_with(app: psutil.Process, server: AppServer, open_sessions: ExitStack, more: int) -> float:
    """Megabytes that the app alone uses, after so many more people came."""
    for _ in range(more):
        drop_in(server, open_sessions)
    settle(app)
    return app.memory_full_info().uss / MB


def drop_in(server: AppServer, open_sessions: ExitStack) -> None:
    open_sessions.enter_context(Visitor(server.port)).run()


def with_view_worker(server: AppServer) -> float:
    """Resident memory of all processes where the view worker starts with the app."""
    server = AppServer(server.home, MNIST_LAB_PROFILE="demo").start()
    try:
        until(lambda: len(warm_slots(server)) == 2, 120, "both workers are warm", 0.3)
        with ExitStack() as open_sessions:
            drop_in(server, open_sessions)
            settle(psutil.Process(server.process.pid))
            return total_memory(server)
    finally:
        end(server)


def warm_slots(server: AppServer) -> list[dict[str, Any]]:
    return [slot for slot in (server.health() or {"slots": []})["slots"] if slot["warm"]]


def total_memory(server: AppServer) -> float:
    return sum(one.memory_info().rss for one in server.processes()) / MB


def reruns(server: AppServer, repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of a rerun of each page, once its caches are warm."""
    clock = cpu_clock(server.process.pid)
    found = {}
    for name, page, query in (
        ("train page", "", f"run={LOOKED_AT}"),
        ("runs page", "runs", f"run={LOOKED_AT}"),
        ("data page", "data", ""),
    ):
        with Visitor(server.port, page, query) as visitor:
            found[f"rerun of the {name}, CPU"] = cpu_median(clock, visitor.run, repeats)
            assert visitor.title == name.partition(" ")[0].capitalize()
    run = next(one.id for one in server.runs() if one.name == LOOKED_AT)
    with Visitor(server.port, "predictions", f"run={LOOKED_AT}") as visitor:
        turn = itertools.cycle(("4.9", "9.4", "3.5", "7.2"))

        def choose() -> None:
            visitor.query = f"run={LOOKED_AT}&selection=cell.{next(turn)}~1~validation~{run}"
            visitor.run()

        found["rerun of the predictions page, another cell, CPU"] = cpu_median(clock, choose, repeats)
        assert visitor.title == "Predictions"
    return found


def moves(server: AppServer, *, smoke: bool) -> dict[str, float]:
    """CPU milliseconds of a move of the epoch cursor: epochs that nobody has looked at before, and by many at once."""
    clock = cpu_clock(server.process.pid)
    last = 4 if smoke else EPOCHS
    found = {}
    for page, options in MOVED.items():
        with Visitor(server.port, page, f"run={LOOKED_AT}&epoch=0{options}") as visitor:
            visitor.run()
            until(lambda: not visitor.wait_for_tick(), VIEW_PATIENCE, "what the page shows is made", 0)
            for epoch in range(last, -1, -1) if page in ASKING else ():
                visitor.move(epoch)
                until(lambda: not visitor.wait_for_tick(), VIEW_PATIENCE, "what the page shows is made", 0)
            costs = [spent(clock, lambda to=epoch: visitor.move(to)) for epoch in range(1, last + 1)]
            assert visitor.title == page.capitalize()
            assert page != "embeddings" or visitor.has_component(MAP)
        found[f"move of the epoch cursor, {page} page, CPU"] = median(costs)
        say(f"{page}: a move costs {median(costs):.0f} ms, at most {max(costs):.0f} ms")
    found["move of the epoch cursor, 20 sessions at once, mean CPU"] = moves_at_once(server, clock, last)
    return found


def moves_at_once(server: AppServer, clock: Callable[[], float], last: int) -> float:
    """CPU milliseconds of each move where many sessions play at once, with all that the app does besides."""
    waits: list[float] = []

    def play(visitor: Visitor) -> None:
        for epoch in range(1, last + 1):
            began = time.perf_counter()
            visitor.move(epoch)
            waits.append((time.perf_counter() - began) * 1000)

    with ExitStack() as open_sessions:
        visitors = [
            open_sessions.enter_context(Visitor(server.port, "predictions", f"run={LOOKED_AT}&epoch=0"))
            for _ in range(MOVERS)
        ]
        for visitor in visitors:
            visitor.run()
        began = clock()
        with ThreadPoolExecutor(MOVERS) as threads:
            list(threads.map(play, visitors))
        each = (clock() - began) * 1000 / len(waits)
    say(f"{MOVERS} sessions, all moving without a pause: {each:.0f} ms each, {median(waits):.0f} ms until it is drawn")
    return each


def live(server: AppServer, repeats: int, dataset: str) -> dict[str, float]:
    """Presses Train twice: for the shape to be seen, then for the seconds until the first point."""
    with Visitor(server.port) as visitor:
        visitor.run()
        visitor.type_number("epochs", 2)
        visitor.press("Train")
        until(lambda: not visitor.wait_for_tick(), FIRST_POINT_PATIENCE, "the first training has ended", 0)
    with Visitor(server.port) as visitor:
        visitor.run()
        visitor.type_number("epochs", LONG_RUN_EPOCHS)
        began = time.perf_counter()
        visitor.press("Train")
        until(lambda: has_points(visitor) or not visitor.wait_for_tick(), FIRST_POINT_PATIENCE, "a point is there", 0)
        took = time.perf_counter() - began
        assert has_points(visitor)
        say(f"first point after {took:.2f} s")
        visitor.press("Stop")
        until(lambda: not visitor.wait_for_tick(), FIRST_POINT_PATIENCE, "the run has stopped", 0)
    return {
        "Train to the first point, warm worker, shape seen before": took,
        "live tick of a training run, CPU": ticks(server, repeats, dataset),
    }


def ticks(server: AppServer, repeats: int, dataset: str) -> float:
    """Median CPU milliseconds of a look at a run whose epochs take a while."""
    clock = cpu_clock(server.process.pid)
    with Visitor(server.port, "", f"preset=bottleneck-cnn&dataset={dataset}") as visitor:
        visitor.run()
        visitor.type_number("epochs", 200)
        visitor.press("Train")
        until(lambda: has_points(visitor) or not visitor.wait_for_tick(), FIRST_POINT_PATIENCE, "a point is there", 0)
        costs = [cost for _ in range(repeats) if (cost := tick_cost(visitor, clock)) is not None]
        visitor.press("Stop")
    say(f"ticks: {min(costs):.1f} to {max(costs):.1f} ms")
    return median(costs)


def has_points(visitor: Visitor) -> bool:
    return any(series["data"] for chart in visitor.charts() for series in chart["series"])


def tick_cost(visitor: Visitor, clock: Callable[[], float]) -> float | None:
    """CPU milliseconds of one look at the run; None once it has ended."""
    if not visitor.live_fragments():
        return None
    fragment = visitor.live_fragments()[0]
    time.sleep(visitor.interval(fragment) / 2)
    return spent(clock, lambda: visitor.run(fragment=fragment, ticks=True))


def cpu_median(clock: Callable[[], float], work: Callable[[], None], repeats: int) -> float:
    for _ in range(3):
        work()
    return median(spent(clock, work) for _ in range(repeats))


def spent(clock: Callable[[], float], work: Callable[[], None]) -> float:
    """CPU milliseconds of the app while it does this, with what it does just after the page is drawn."""
    began = clock()
    work()
    time.sleep(0.02)
    return (clock() - began) * 1000


def cpu_clock(pid: int) -> Callable[[], float]:
    """The CPU clock of another process, in seconds; Linux counts it in nanoseconds."""
    number = (~pid << 3) | 2
    return lambda: time.clock_gettime(number)


def settle(process: psutil.Process) -> None:
    """Waits until a process rests."""
    until(lambda: process.cpu_percent(SETTLE_SECONDS) < 10, 60, "the app rests", 0)


def end(server: AppServer) -> None:
    server.stop()
    left = server.end_everything()
    assert not left, f"left behind: {left}"


def say(text: str) -> None:
    print(text, file=sys.stderr)


def table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['machine']}, a run with {report['images']:,} validation images",
        "",
        "| what | budget | measured |",
        "|---|---|---|",
    ]
    for row in report["rows"]:
        over = "" if row["measured"] <= row["budget"] else " (over)"
        lines.append(f"| {row['what']} | {row['budget']:g} {row['unit']} | {row['measured']:.3g} {row['unit']}{over} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
