"""`cronocast regimes stream`: a query of Spark from a topic to labels in a sink and on another topic, without end.

What makes it exact: offsets lie in Spark's checkpoint, and a batch that comes again has the same number and the same
messages. It begins with what was remembered after the batch before, takes the model that its plan names, and writes
points of the same tags and times; so it leaves what it would have left the first time. Topics get each value at least
once.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cronocast.console import say
from cronocast.errors import CronocastError, DataError, seen
from cronocast.handoff.files import read_json, write_json
from cronocast.registry import load
from cronocast.sinks.points import Point, Run, Written
from cronocast.sinks.table import SINKS, Sink
from cronocast.stream.batch import UNKNOWN, Batch, Dead, Labelled, Machine, begin, end, from_document, to_document
from cronocast.stream.message import reader
from cronocast.stream.metrics import Metrics
from cronocast.stream.settings import Regimes
from cronocast.stream.store import SPARK, Model, current, read_model
from cronocast.stream.topics import Producer, dead_letters, labelled_messages
from cronocast.stream.train import folder_of, models_of
from cronocast.timeseries.grid import Floats

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

STATES = 3  # batches whose state is kept: of the one that may come again, the one before is needed
SCHEMA = 1


@dataclass
class Stream:
    """A running stream of one entry."""

    entry: Regimes
    root: Path
    spark: "SparkSession"
    metrics: Metrics
    producer: Producer = field(init=False)
    failed: CronocastError | None = None
    _model: "tuple[str, Model, PipelineModel] | None" = None

    def __post_init__(self) -> None:
        self.folder = folder_of(self.root, self.entry.name)
        self.models = models_of(self.root, self.entry.name)
        self.states = self.folder / "states"
        self.producer = Producer(self.entry.kafka.servers)
        self.read = reader(self.entry)
        self.sink = _sink(self.entry)

    def query(self, *, once: bool) -> Any:  # noqa: ANN401 - a streaming query
        """Start the query; with `once` it ends when what lies on the topic now is done."""
        kafka, checkpoint = self.entry.kafka, self.folder / "checkpoint"
        if not checkpoint.exists():  # batches are numbered anew
            shutil.rmtree(self.states, ignore_errors=True)
        options: dict[str, str | int] = {
            "kafka.bootstrap.servers": kafka.servers,
            "subscribe": kafka.topic,
            "startingOffsets": kafka.begin,
            "maxOffsetsPerTrigger": kafka.most,
            "failOnDataLoss": "true",  # what the brokers have forgotten must not pass unseen
        }
        source = self.spark.readStream.format("kafka").options(**options).load()
        writer = source.select("partition", "offset", "value").writeStream.queryName("regimes")
        writer = writer.option("checkpointLocation", checkpoint.resolve().as_uri())
        every = {"availableNow": True} if once else {"processingTime": f"{kafka.every // 10**6} milliseconds"}
        return writer.trigger(**every).foreachBatch(self.batch).start()

    def batch(self, frame: "DataFrame", number: int) -> None:
        """One batch from messages to points; what went wrong is kept, since Spark tells only text of it."""
        try:
            with self.metrics.seconds.time():
                self._batch(frame, number)
        except CronocastError as error:
            self.failed = error
            raise

    def _batch(self, frame: "DataFrame", number: int) -> None:
        table = frame.toArrow()
        order = np.lexsort((table["offset"].to_numpy(), table["partition"].to_numpy()))
        messages = table["value"].take(order).to_pylist()
        before = self._before(number)
        model_name, model, classifier = self._planned(number)
        entry = self.entry
        batch = begin([one or b"" for one in messages], self.read, before, list(model.windows_ns), int(entry.late))
        labels, probabilities = self._labels(batch, model, classifier)
        was = {tags: one.dwelling.regime for tags, one in batch.machines.items()}
        labelled = end(batch, labels, probabilities, int(entry.dwell or 0))
        written = self._write(labelled)
        dead = [*batch.dead, *(Dead(one.text, f"the sink refused it: {one.reason}") for one in written.refused)]
        if entry.kafka.output:
            self.producer.send(entry.kafka.output, labelled_messages(entry.fields, entry.kafka.time, labelled))
        self.producer.send(entry.kafka.dead, dead_letters(dead))
        self._keep(number, model_name, batch.machines)
        self._count(len(messages), batch, written, labelled, was)

    def _labels(self, batch: Batch, model: Model, classifier: "PipelineModel") -> tuple[list[str], Floats]:
        """The regime of each value by itself, and how probable it is; `unknown` where it is far from all."""
        from cronocast.stream.training import classes_of

        if not batch.fresh:
            return [], np.empty(0)
        x = (np.vstack([one.x for one in batch.fresh]) - np.array(model.mean)) / np.array(model.spread)
        classes, probability = classes_of(self.spark, classifier, x)
        centres = (np.array(model.centres) - np.array(model.mean)) / np.array(model.spread)
        off = np.sqrt(((x[:, None, :] - centres[None]) ** 2).sum(axis=2)) / np.array(model.usual)
        far = off.min(axis=1) > self.entry.unknown
        called = [self.entry.names.get(name, name) for name in model.names]
        return [UNKNOWN if f else called[c] for c, f in zip(classes, far, strict=True)], np.where(far, 0.0, probability)

    def _write(self, labelled: Sequence[Labelled]) -> Written:
        """Write points, and find out what became of each."""
        total = Written()
        for done in self.sink.record(self._points(labelled)):
            total += done
        return total

    def _points(self, labelled: Sequence[Labelled]) -> Iterator[Point]:
        measurement, fields = self.entry.measurement(), self.entry.fields
        for one in labelled:
            rows = zip(
                one.time_ns.tolist(), one.values.tolist(), one.regime, one.label, one.probability.tolist(), strict=True
            )
            for time_ns, values, regime, label, probability in rows:
                told = {"regime": regime, "label": label, "probability": probability}
                yield Point(measurement, one.tags, time_ns, {**dict(zip(fields, values, strict=True)), **told})

    def _planned(self, number: int) -> "tuple[str, Model, PipelineModel]":
        """The model of a batch: that of its first try, else the current one.

        Raises:
            DataError: nothing was trained yet.
        """
        path = self.states / f"{number}.plan.json"
        name = read_json(path)["model"] if path.exists() else None
        if name is None or not (self.models / name).is_dir():
            name = current(self.models)
            if name is None:
                sentence = "nothing was trained yet; run `cronocast regimes train` first"
                raise DataError("E_MODEL", str(self.models), sentence)
            self.states.mkdir(parents=True, exist_ok=True)
            write_json(path, {"model": name})
        if self._model is None or self._model[0] != name:
            self._model = (name, *self._loaded(name))
        return self._model

    def _loaded(self, name: str) -> "tuple[Model, PipelineModel]":
        from cronocast.stream.training import load_classifier

        model = read_model(self.models, name)
        if model.fields != self.entry.fields:
            sentence = f"trained on {seen(model.fields)}, the entry has {seen(self.entry.fields)}; train again"
            raise DataError("E_MODEL", name, sentence)
        say(f"{self.entry.name}: model {name}, regimes {', '.join(model.names)}")
        self.metrics.model.set(model.run_ns / 1e9)
        return model, load_classifier(self.models / name / SPARK)

    def _before(self, number: int) -> dict[str, Machine]:
        """What was remembered after the batch before; nothing where that is the first, or can't be read."""
        numbers = sorted(int(path.stem) for path in self.states.glob("*.json") if path.stem.isdigit())
        newest = next((one for one in reversed(numbers) if one < number), None)
        if newest is None:
            return {}
        try:
            document = read_json(self.states / f"{newest}.json")
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema {seen(document['schema'])}, this version reads {SCHEMA}")
            return from_document(document["machines"], len(self.entry.fields))
        except (CronocastError, KeyError, TypeError, ValueError) as error:
            why = f"what batch {newest} remembered can't be read, windows begin anew: {seen(str(error))}"
            say(f"{self.entry.name}: {why}")
            return {}

    def _keep(self, number: int, model: str, machines: dict[str, Machine]) -> None:
        write_json(
            self.states / f"{number}.json", {"schema": SCHEMA, "model": model, "machines": to_document(machines)}
        )
        for path in self.states.glob("*.json"):
            if (stem := path.name.partition(".")[0]).isdigit() and int(stem) <= number - STATES:
                path.unlink(missing_ok=True)

    def _count(
        self, messages: int, batch: Batch, written: Written, labelled: Sequence[Labelled], was: dict[str, str]
    ) -> None:
        metrics = self.metrics
        metrics.alive()
        metrics.messages.inc(messages)
        metrics.points.inc(written.acked)
        metrics.refused.inc(len(written.refused))
        metrics.late.inc(sum(one.late for one in batch.dead))
        metrics.invalid.inc(sum(not one.late for one in batch.dead))
        metrics.unknown.inc(sum(one.label.count(UNKNOWN) for one in labelled))
        for one in labelled:
            regimes = [was.get(one.tags, ""), *one.regime]
            metrics.changes.inc(sum(a != b for a, b in pairwise(regimes) if a))
        newest = max((int(one.time_ns[-1]) for one in labelled if one.time_ns.size), default=None)
        if newest is not None:
            metrics.newest.set(newest / 1e9)


def _sink(entry: Regimes) -> Sink:
    make = load(SINKS, "sink.kind", entry.sink.kind)
    found: Sink = make(entry.sink_settings(), Run(entry.name, 0, entry.measurement()), say)
    return found
