"""`cronocast regimes train`: from a history to a generation of the model and its page."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.console import say
from cronocast.errors import CronocastError
from cronocast.handoff.files import atomic, run_name, series_id, series_lock, write_json
from cronocast.stream.clusters import names_of, usual_distance, verdict_of
from cronocast.stream.features import feature_names
from cronocast.stream.history import Past, all_features, read_history
from cronocast.stream.page import regimes_page
from cronocast.stream.settings import MOST_REGIMES, Regimes
from cronocast.stream.spark import session
from cronocast.stream.store import Model, current, publish, read_model

if TYPE_CHECKING:
    from cronocast.timeseries.grid import Floats, Ints

REPORT = "regimes.html"
RESULT = "train.json"


def folder_of(root: Path, name: str) -> Path:
    """Where everything of an entry lies."""
    return root / series_id(name) / "regimes"


def models_of(root: Path, name: str) -> Path:
    """Where its models lie."""
    return folder_of(root, name) / "models"


def train(entry: Regimes, root: Path, run_ns: int | None = None) -> dict[str, Any]:
    """Learn the regimes of an entry from its history.

    Args:
        entry: Its settings.
        root: Folder that holds the folders of all series.
        run_ns: Time as of which it is trained; now if not given.

    Returns:
        What came of it, as JSON: status `ok`, or `none` where there are no regimes and nothing was published.

    Raises:
        CronocastError: as the table of exit codes says.
    """
    begin, run_ns = time.monotonic(), time.time_ns() if run_ns is None else run_ns
    folder = folder_of(root, entry.name)
    folder.mkdir(parents=True, exist_ok=True)
    with series_lock(folder):
        pasts = read_history(entry, run_ns)
        spark = session(f"regimes {entry.name}", entry.master)
        try:
            model, save, result = _learnt(entry, folder / "models", pasts, spark, run_ns)
            if model is not None:
                publish(folder / "models", run_name(run_ns), model, save, entry.keep)
        finally:
            spark.stop()
        result |= {"seconds": round(time.monotonic() - begin, 1)}
        with atomic(folder / REPORT) as file:
            file.write(regimes_page(entry, model, pasts, result).encode())
        write_json(folder / RESULT, result)
    for sentence in result["words"]:
        say(f"{entry.name}: {sentence}")
    return result


def _learnt(
    entry: Regimes,
    models: Path,
    pasts: list[Past],
    spark: Any,  # noqa: ANN401 - a session
    run_ns: int,
) -> tuple[Model | None, Any, dict[str, Any]]:
    """The model, how its classifier is saved, and what is told; no model where there are no regimes."""
    from cronocast.stream import training

    raw, time_ns = all_features(entry, pasts)
    mean, spread = raw.mean(axis=0), raw.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x = (raw - mean) / spread
    curves = training.curves(spark, x, MOST_REGIMES, entry.seed)
    verdict = verdict_of(curves, x, entry.k, entry.seed)
    result: dict[str, Any] = {
        "status": "none",
        "series": entry.name,
        "run": run_name(run_ns),
        "rows": len(x),
        "machines": len(pasts),
        "curves": curves._asdict(),
        "verdict": verdict._asdict(),
        "words": [verdict.words],
    }
    if verdict.k is None:
        return None, None, result
    centres, labels = training.clustered(spark, x, verdict.k, entry.seed)
    centres, labels = _present(centres, labels)
    names = names_of(centres * spread + mean, _before(models), spread)
    kinds = training.ORDER if entry.classifier == "auto" else (entry.classifier,)
    scores = training.judged(spark, x, labels, time_ns, kinds, entry.seed)
    chosen = training.best(scores)
    fitted = training.classifier(spark, x, labels, len(centres), chosen.kind, entry.seed)
    later = labels[time_ns > np.quantile(time_ns, training.LEARNT_FROM)]
    common = int(np.bincount(labels, minlength=len(centres)).argmax())
    trivial = float((later == common).mean()) if later.size else 0.0
    counts = np.bincount(labels, minlength=len(centres)).tolist()
    result |= {
        "status": "ok",
        "regimes": [
            {"name": name, "called": entry.names.get(name, name), "share": count / len(labels)}
            for name, count in zip(names, counts, strict=True)
        ],
        "classifier": chosen.kind,
        "scores": [asdict(one) for one in scores],
        "trivial": trivial,
        "words": training.words(verdict, scores, chosen, trivial),
    }
    model = Model(
        run_ns,
        entry.fields,
        tuple(map(int, entry.windows)),
        feature_names(entry.fields, entry.windows),
        tuple(mean.tolist()),
        tuple(spread.tolist()),
        names,
        tuple(map(tuple, (centres * spread + mean).tolist())),
        tuple(usual_distance(x, centres, labels).tolist()),
        {key: result[key] for key in ("verdict", "classifier", "scores", "trivial", "rows")},
    )
    return model, training.saver(fitted), result


def _present(centres: "Floats", labels: "Ints") -> "tuple[Floats, Ints]":
    """Without centres that nothing belongs to, the others in order of the first feature."""
    there = np.unique(labels)
    order = there[np.lexsort(centres[there].T[::-1])]
    place = np.zeros(len(centres), dtype=np.int64)
    place[order] = np.arange(order.size)
    return centres[order], place[labels]


def _before(models: Path) -> dict[str, tuple[float, ...]]:
    """Centres of the regimes of the model in use, by name; none where there is none of use."""
    try:
        name = current(models)
        model = read_model(models, name) if name else None
    except CronocastError as error:
        say(f"the names of the regimes before are not known: {error}")
        return {}
    return dict(zip(model.names, model.centres, strict=True)) if model else {}
