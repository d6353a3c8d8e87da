"""Seconds and quality of maps: this project's methods against the plain libraries, in one run.

    python -m benchmarks.embeddings [--points N] [--quick] [--json] [--wide]

The points are a hidden layer of a small network trained on MNIST where that is at hand, else clusters made up for it.
Each row is one call, with everything in it: neighbours, layout, quality. The first call in a process is measured in a
process of its own. The ratios are the ones to quote, as machines differ and are shared.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from mnist_core.analysis.embedding import (
    Context,
    PcaSettings,
    TsneSettings,
    UmapSettings,
    embed,
    embed_sequence,
    exact_neighbours,
    place,
)
from mnist_core.analysis.embedding.pairs import Points
from mnist_core.analysis.embedding.pca import reduced
from mnist_core.analysis.embedding.threads import crew
from mnist_core.analysis.embedding.trust import Layer, quality
from mnist_core.errors import DatasetMissing
from mnist_core.lab import Lab
from mnist_core.machine import machine_name
from mnist_core.settings import load_settings

MB = 2**20
EPOCHS = 10
NEW = 500
BUDGETS = {
    "pca": 0.3,
    "t-sne": 7.0,
    "t-sne, first frame": 1.5,
    "umap": 2.5,
    "umap, first call in a process": 8.0,
    "placing one image": 0.05,
}
WIDE_BUDGETS = {"pca": 60.0, "t-sne": 180.0, "umap": 60.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=10_000, help="how many images")
    parser.add_argument("--quick", action="store_true", help="few points, to see that it works")
    parser.add_argument("--wide", action="store_true", help="only our side and its memory, for 70,000 points")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of a table")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "embeddings.json")
    arguments = parser.parse_args()
    points = 800 if arguments.quick else arguments.points
    sources, labels, where = layers(points)
    report = {"machine": machine_name(), "points": len(labels), "values": sources[-1].shape[1], "source": where}
    report |= wide(sources[-1], labels) if arguments.wide else compare(sources, labels)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report) if arguments.json else table(report))
    return 0


def layers(points: int) -> tuple[list[np.ndarray], np.ndarray, str]:
    """Activations of `EPOCHS` states of a layer, the last one trained longest, with labels, and what they are of."""
    lab = Lab(load_settings().model_copy(update={"home": Path(tempfile.mkdtemp()), "db": "", "blobs": ""}))
    try:
        dataset = lab.dataset("mnist")
    except DatasetMissing as error:
        say(f"{error} Measuring on clusters made up.")
        return made_up(points)
    finally:
        lab.archive.store.close()
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(len(dataset.labels), min(points, len(dataset.labels)), replace=False))
    images = dataset.images.reshape(len(dataset.images), -1)
    pixels = images[ids].astype(np.float32) / 255
    states = small_network(images, dataset.labels, rng)
    return [np.maximum(pixels @ first, 0) @ second for first, second in states], dataset.labels[ids], "MNIST"


def small_network(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Iterator[Any]:
    """Two layers of 512 and 256 units in plain numpy, trained with momentum; yields them after equal pieces of work."""
    sizes = (images.shape[1], 512, 256, 10)
    weights = [rng.normal(0, (2 / a) ** 0.5, (a, b)).astype(np.float32) for a, b in pairwise(sizes)]
    moved = [np.zeros_like(one) for one in weights]
    for _ in range(EPOCHS):
        for _ in range(100):
            batch = rng.integers(0, len(images), 128)
            values = [images[batch].astype(np.float32) / 255]
            for one in weights:
                values.append(np.maximum(values[-1] @ one, 0) if one is not weights[-1] else values[-1] @ one)
            error = np.exp(values[-1] - values[-1].max(1, keepdims=True))
            error /= error.sum(1, keepdims=True)
            error[np.arange(len(batch)), labels[batch]] -= 1
            for at in (2, 1, 0):
                step = values[at].T @ error / len(batch)
                error = (error @ weights[at].T) * (values[at] > 0)
                moved[at] = 0.9 * moved[at] - 0.05 * step
                weights[at] = weights[at] + moved[at]
        yield weights[0].copy(), weights[1].copy()


def made_up(points: int) -> tuple[list[np.ndarray], np.ndarray, str]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, points)
    centres, noise = rng.normal(0, 1, (10, 256))[labels], rng.normal(0, 1, (points, 256))
    states = [np.maximum(centres * (0.5 + 0.05 * at) + noise, 0).astype(np.float32) for at in range(EPOCHS)]
    return states, labels, "clusters made up"


def compare(sources: list[np.ndarray], labels: np.ndarray) -> dict[str, Any]:
    x = sources[-1]
    first = in_fresh_process(x, labels)
    say(f"umap, first call in a process: {first:.2f} s")
    rows, maps = ours(x, labels)
    rows["umap, first call in a process"] = {"seconds": first}
    plain, plain_maps = libraries(x, labels)
    return {
        "budgets": BUDGETS,
        "ours": rows,
        "plain": plain,
        "ratios": {
            "openTSNE, default, to ours": plain["openTSNE, default"]["cpu"] / rows["t-sne"]["cpu"],
            "umap-learn, seeded, to ours": plain["umap-learn, seeded"]["cpu"] / rows["umap"]["cpu"],
            **{f"ten maps to one, {m}": ten_maps(sources, labels, m) for m in ("umap", "tsne", "pca")},
        },
        "objective": divergence(x, {"t-sne": maps["t-sne"], "openTSNE, default": plain_maps["openTSNE, default"]}),
        "placing": placings(x, labels),
    }


def ours(x: np.ndarray, labels: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    rows, maps = {}, {}
    for name, method, settings in (
        ("pca", "pca", PcaSettings()),
        ("t-sne", "tsne", TsneSettings()),
        ("umap", "umap", UmapSettings()),
    ):
        embed(x[:500], method, settings=settings, labels=labels[:500])
        frames: list[float] = []
        began, used = perf_counter(), process_time()
        found = embed(
            x, method, settings=settings, labels=labels,
            context=Context(on_frame=lambda _, began=began, frames=frames: frames.append(perf_counter() - began)),
        )  # fmt: skip
        rows[name] = {
            "seconds": perf_counter() - began,
            "cpu": process_time() - used,
            "steps": found.seconds,
            **found.quality._asdict(),
        }
        if frames:
            rows[f"{name}, first frame"] = {"seconds": frames[0]}
        maps[name] = found.positions
        say(f"{name}: {rows[name]['seconds']:.2f} s, {rows[name]['cpu']:.2f} s of CPU")
    one = [timed(lambda at=at: place(x[at : at + 1], x, maps["umap"]))[0] for at in range(20)]
    rows["placing one image"] = {"seconds": median(one)}
    return rows, maps


def in_fresh_process(x: np.ndarray, labels: np.ndarray) -> float:
    """Seconds of the first map in a process, imports and compilation included."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(len, ((),))
        return pool.apply(first_call, (x, labels))


def first_call(x: np.ndarray, labels: np.ndarray) -> float:
    return timed(lambda: embed(x, "umap", labels=labels))[0]


def libraries(x: np.ndarray, labels: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    stub = types.ModuleType("umap.parametric_umap")  # the real one loads TensorFlow
    stub.ParametricUMAP, stub.load_ParametricUMAP = type("ParametricUMAP", (), {}), None
    sys.modules.setdefault("umap.parametric_umap", stub)
    warnings.simplefilter("ignore")
    import umap
    from openTSNE import TSNE
    from sklearn.decomposition import PCA

    few = PCA(min(20, x.shape[1]), random_state=0).fit_transform(x)
    ways: dict[str, Callable[[], Any]] = {
        "scikit-learn PCA": lambda: PCA(2).fit_transform(x),
        "openTSNE, default": lambda: TSNE(n_jobs=2, random_state=0).fit(few),
        "openTSNE, Barnes-Hut": lambda: TSNE(n_jobs=2, random_state=0, negative_gradient_method="bh").fit(few),
        "umap-learn, seeded, first call": lambda: umap.UMAP(n_epochs=200, random_state=0).fit_transform(x),
        "umap-learn, seeded": lambda: umap.UMAP(n_epochs=200, random_state=0).fit_transform(x),
        "umap-learn, first call": lambda: umap.UMAP(n_epochs=200).fit_transform(x),
        "umap-learn": lambda: umap.UMAP(n_epochs=200).fit_transform(x),
    }
    rows, maps = {}, {}
    nearest = exact_neighbours(x, 15)
    for name, way in ways.items():
        used = process_time()
        seconds, made = timed(way)
        rows[name] = {"seconds": seconds, "cpu": process_time() - used}
        maps[name] = np.asarray(made, np.float32)
        with crew(None, lambda: None) as hands:
            rows[name] |= quality(maps[name], Layer(Points(x), nearest, labels), hands)._asdict()
        say(f"{name}: {seconds:.2f} s, {rows[name]['cpu']:.2f} s of CPU")
    return rows, maps


def ten_maps(sources: list[np.ndarray], labels: np.ndarray, method: str) -> dict[str, float]:
    """What a sequence costs over what one map does: in seconds, and in those of CPU."""
    used = process_time()
    one, _ = timed(lambda: embed(sources[-1], method, labels=labels))
    one_used = process_time() - used
    used = process_time()
    ten, _ = timed(lambda: list(embed_sequence(sources, method, labels=labels, anchor=len(sources) - 1)))
    ratio = {"seconds": ten / one, "of CPU": (process_time() - used) / one_used}
    say(f"{len(sources)} maps by {method} cost {shown(ratio)} times one")
    return ratio


def divergence(x: np.ndarray, maps: dict[str, np.ndarray]) -> dict[str, float]:
    """The Kullback-Leibler divergence of each map, by openTSNE, exactly."""
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors
    from openTSNE.tsne import kl_divergence_bh

    nearest = exact_neighbours(reduced(x, 20), 90)
    index = PrecomputedNeighbors(nearest.index.astype(np.int64), nearest.distance.astype(np.float64))
    theirs = PerplexityBasedNN(knn_index=index, perplexity=30, n_jobs=2)
    found = {}
    for name, places in maps.items():
        embedding = TSNEEmbedding(places.astype(np.float64), theirs)
        found[name] = float(kl_divergence_bh(embedding, theirs.P, 1.0, {"theta": 0.0}, None, True)[0])
    return found


def placings(x: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """New points placed by us and by the libraries' own transforms: seconds, and the hit of the placed points."""
    import umap
    from openTSNE import TSNE

    new = min(NEW, len(x) // 4)
    known, mine, fresh, theirs = x[:-new], labels[:-new], x[-new:], labels[-new:]
    tsne = TSNE(n_jobs=2, random_state=0, negative_gradient_method="fft").fit(known)
    fitted = umap.UMAP(n_epochs=200, random_state=0).fit(known)
    ways = {
        "openTSNE's map, ours": (np.asarray(tsne, np.float32), lambda z, at: place(z, known, at)),
        "openTSNE's map, its transform": (np.asarray(tsne, np.float32), lambda z, _: np.asarray(tsne.transform(z))),
        "umap-learn's map, ours": (fitted.embedding_, lambda z, at: place(z, known, at)),
        "umap-learn's map, its transform": (fitted.embedding_, lambda z, _: fitted.transform(z)),
    }
    rows = {}
    for name, (positions, way) in ways.items():
        way(fresh[:1], positions)
        one = median(timed(partial(way, fresh[at : at + 1], positions))[0] for at in range(3))
        rows[name] = {"seconds, one": one, "hit": placed_hit(way(fresh, positions), positions, mine, theirs)}
        say(f"{name}: {rows[name]}")
    near = distances(fresh, known)
    rows["in the layer itself"] = {"hit": float((majority(np.argsort(near, 1)[:, :10], mine) == theirs).mean())}
    return rows


def placed_hit(placed: np.ndarray, positions: np.ndarray, labels: np.ndarray, theirs: np.ndarray) -> float:
    nearest = np.argsort(distances(placed.astype(np.float32), positions), axis=1)[:, :10]
    return float((majority(nearest, labels) == theirs).mean())


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T


def majority(nearest: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.array([np.bincount(labels[row]).argmax() for row in nearest])


def wide(x: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Our side alone, with the most memory that the process had."""
    rows, _ = ours(x, labels)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB
    return {"budgets": WIDE_BUDGETS, "ours": rows, "memory, MB": most}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = perf_counter()
    result = work()
    return perf_counter() - began, result


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['machine']}: {report['points']:,} points of {report['values']} values, {report['source']}",
        "",
        "| | seconds | of CPU | to reach | trustworthiness | continuity | hit | hit of the layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in {**report["ours"], **report.get("plain", {})}.items():
        scores = [
            row.get(key) for key in ("trustworthiness", "continuity", "neighbourhood_hit", "neighbourhood_hit_layer")
        ]
        numbers = [row["seconds"], row.get("cpu"), report["budgets"].get(name)]
        cells = [f"{one:.3g}" if one is not None else "" for one in numbers]
        cells += [f"{one:.4f}" if one is not None else "" for one in scores]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for part in ("ratios", "objective", "placing"):
        lines += ["", *(f"{name}: {shown(value)}" for name, value in report.get(part, {}).items())]
    if "memory, MB" in report:
        lines += ["", f"memory: {report['memory, MB']:.0f} MB"]
    return "\n".join(lines)


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:.3g}" for name, number in value.items())
    return f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
