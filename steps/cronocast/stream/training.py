"""Learning regimes with Spark ML: clusters of the history, a classifier of their labels, judged on later values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.console import say
from cronocast.stream.clusters import Curves, Verdict
from cronocast.timeseries.grid import Floats, Ints

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

PARTITIONS = 2  # of a history: more cost more than they gain
MOST_FOR_CURVES = 5_000  # rows, evenly spread, that each number of regimes is tried on
LEARNT_FROM = 0.6  # share of the time; the rest judges
ROUNDS = 200  # of the network, as of the others at most
BLOCK = 128
ORDER = ("logistic", "tree", "mlp")  # the simpler first: of equals it is taken


@dataclass(frozen=True)
class Score:
    """How good a classifier is on values later than those it has learnt from."""

    kind: str
    accuracy: float
    f1: float  # macro: the mean over regimes
    confusion: tuple[tuple[int, ...], ...]  # rows: what the clustering says; columns: what the classifier says


def frame(spark: "SparkSession", x: Floats, labels: Ints | None = None) -> "DataFrame":
    """Features as a data frame of Spark, with labels where given."""
    import pyarrow as pa

    data = dict(zip(columns(x.shape[1]), np.ascontiguousarray(x.T), strict=True))
    if labels is not None:
        data["label"] = labels.astype(float)
    return spark.createDataFrame(pa.table(data)).coalesce(PARTITIONS)


def columns(count: int) -> list[str]:
    """Names of the columns of features in Spark, where names may hold no dots."""
    return [f"x{i}" for i in range(count)]


def curves(spark: "SparkSession", x: Floats, most: int, seed: int) -> Curves:
    """Cost and silhouette of every number of regimes from 2 on.

    Args:
        spark: Where it is worked out.
        x: Scaled features, shape (n, d).
        most: The largest number; no more than there are different values.
        seed: Of the clustering.
    """
    from pyspark.ml.evaluation import ClusteringEvaluator

    rows = x[np.linspace(0, len(x) - 1, min(MOST_FOR_CURVES, len(x))).astype(int)]
    data = _assembled(frame(spark, rows)).cache()
    judge = ClusteringEvaluator(featuresCol="features", predictionCol="prediction")
    ks = tuple(range(2, max(2, min(most, len(np.unique(rows, axis=0)) - 1)) + 1))

    costs, silhouettes = [], []
    for k in ks:
        found = _kmeans(k, seed).fit(data)
        costs.append(float(found.summary.trainingCost))
        one = len(found.clusterCenters()) == 1
        silhouettes.append(0.0 if one else float(judge.evaluate(found.transform(data))))
        say(f"regimes: {k} of {ks[-1]}: cost {costs[-1]:.4g}, silhouette {silhouettes[-1]:.3f}")
    data.unpersist()
    return Curves(ks, tuple(costs), tuple(silhouettes), float(((rows - rows.mean(axis=0)) ** 2).sum()))


def clustered(spark: "SparkSession", x: Floats, k: int, seed: int) -> tuple[Floats, Ints]:
    """Centres of k regimes in scaled features, and which one each row belongs to."""
    found = _kmeans(k, seed).fit(_assembled(frame(spark, x)))
    centres = np.array(found.clusterCenters())
    distance = ((x[:, None, :] - centres[None]) ** 2).sum(axis=2) if len(x) * len(centres) < 10**7 else None
    labels = distance.argmin(axis=1) if distance is not None else _nearest(x, centres)
    return centres, labels.astype(np.int64)


def _nearest(x: Floats, centres: Floats) -> Ints:
    parts = [
        ((part[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        for part in np.array_split(x, 1 + len(x) // 10**5)
    ]
    return np.concatenate(parts)


def _kmeans(k: int, seed: int) -> Any:  # noqa: ANN401 - pyspark has no types for its parameters
    from pyspark.ml.clustering import KMeans

    return KMeans(k=k, seed=seed, initMode="k-means||", maxIter=20, featuresCol="features", predictionCol="prediction")


def _assembled(data: "DataFrame") -> "DataFrame":
    from pyspark.ml.feature import VectorAssembler

    names = [name for name in data.columns if name != "label"]
    return VectorAssembler(inputCols=names, outputCol="features").transform(data)


def judged(
    spark: "SparkSession", x: Floats, labels: Ints, time_ns: Ints, kinds: Sequence[str], seed: int
) -> list[Score]:
    """What classifiers that have learnt from the first part of the time say of the later part.

    Args:
        spark: Where it is worked out.
        x: Scaled features, shape (n, d).
        labels: What the clustering says, shape (n,).
        time_ns: When, shape (n,).
        kinds: Of the classifiers to try.
        seed: Of the network.
    """
    border = np.quantile(time_ns, LEARNT_FROM)
    first, later = time_ns <= border, time_ns > border
    k = int(labels.max()) + 1
    scores = []
    for kind in [one for one in ORDER if one in kinds]:
        model = classifier(spark, x[first], labels[first], k, kind, seed)
        said, _ = classes_of(spark, model, x[later])
        scores.append(score(kind, labels[later], said, k))
        say(f"regimes: {kind}: accuracy {scores[-1].accuracy:.3f}, macro F1 {scores[-1].f1:.3f} on later values")
    return scores


def score(kind: str, truth: Ints, said: Ints, k: int) -> Score:
    """Accuracy, macro F1 over the regimes that occur, and the confusion of one classifier."""
    table = np.zeros((k, k), dtype=int)
    np.add.at(table, (truth, np.clip(said, 0, k - 1)), 1)
    right, there, told = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    occur = there + told > 0
    f1 = float((2 * right[occur] / (there + told)[occur]).mean()) if occur.any() else 0.0
    return Score(kind, float(right.sum() / max(1, table.sum())), f1, tuple(map(tuple, table.tolist())))


def classifier(spark: "SparkSession", x: Floats, labels: Ints, k: int, kind: str, seed: int) -> "PipelineModel":
    """A classifier of regimes as Spark ML persists it: from columns of features to prediction and probability."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import DecisionTreeClassifier, LogisticRegression, MultilayerPerceptronClassifier
    from pyspark.ml.feature import VectorAssembler

    d = x.shape[1]
    if kind == "mlp":
        learner: Any = MultilayerPerceptronClassifier(
            layers=[d, k, k + 2, k], maxIter=ROUNDS, blockSize=BLOCK, seed=seed
        )
    elif kind == "logistic":
        learner = LogisticRegression(maxIter=ROUNDS, family="multinomial")
    else:
        learner = DecisionTreeClassifier(maxDepth=8, seed=seed)
    stages = [VectorAssembler(inputCols=columns(d), outputCol="features"), learner]
    # each class once at least, so that a learner knows of all of them
    missing = np.setdiff1d(np.arange(k), labels)
    if missing.size:
        x, labels = np.vstack((x, np.repeat(x[:1], missing.size, axis=0))), np.concatenate((labels, missing))
    return Pipeline(stages=stages).fit(frame(spark, x, labels))


def classes_of(spark: "SparkSession", model: "PipelineModel", x: Floats) -> tuple[Ints, Floats]:
    """The class of each row of features, and how probable it is."""
    from pyspark.ml.functions import vector_to_array

    if not len(x):
        return np.empty(0, dtype=np.int64), np.empty(0)
    data = frame(spark, np.column_stack((x, np.arange(len(x)))))
    data = data.withColumnRenamed(f"x{x.shape[1]}", "row")
    told = model.transform(data)
    table = told.select("row", "prediction", vector_to_array(told["probability"]).alias("p")).toArrow()
    order = np.argsort(table["row"].to_numpy())
    chances = np.array(table["p"].combine_chunks().values).reshape(len(x), -1)
    return table["prediction"].to_numpy()[order].astype(np.int64), chances[order].max(axis=1)


def saver(model: "PipelineModel") -> Any:  # noqa: ANN401
    """A function that writes the classifier into a folder."""

    def save(folder: Path) -> None:
        model.write().overwrite().save(folder.resolve().as_uri())

    return save


def load_classifier(folder: Path) -> "PipelineModel":
    """A classifier that `saver` wrote."""
    from pyspark.ml import PipelineModel

    return PipelineModel.load(folder.resolve().as_uri())


def best(scores: Sequence[Score]) -> Score:
    """The classifier with the highest macro F1; of those that are about as good the simplest."""
    most = max(one.f1 for one in scores)
    return next(one for one in scores if one.f1 >= most - 0.005)


def words(verdict: Verdict, scores: Sequence[Score], chosen: Score, trivial: float) -> list[str]:
    """What to know of a training, in sentences."""
    agrees = (
        f"{chosen.kind} agrees with the clustering on {100 * chosen.accuracy:.1f} % of the later values"
        f" ({100 * trivial:.1f} % are got by always saying the commonest regime); its labels come from the clustering,"
        " so this tells how well it is imitated, not whether the regimes are real"
    )
    each = [f"{one.kind}: accuracy {one.accuracy:.3f}, macro F1 {one.f1:.3f}" for one in scores]
    return [verdict.words, agrees, *each]
