"""Steps by name, in the order in which they run: the one list that everything which deals with steps reads.

A new step is a file with `run(job, outcome)` and a row here. Standard library only; a step's module is imported when it
runs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cronocast.registry import Row


class File(NamedTuple):
    """A file between steps: its name in the run folder, and what it holds."""

    name: str
    about: str


class Option(NamedTuple):
    """A text option of a step that is no setting of a series; its variable is CRONOCAST_ and the name."""

    name: str
    metavar: str
    about: str
    annotation: Any = str | None
    written: bool = False  # it names a file that the step writes
    alone: bool = False  # `cronocast run` sets it itself, or must not pass it on

    @property
    def flag(self) -> str:
        """The command-line option."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def env(self) -> str:
        """The env variable."""
        return f"CRONOCAST_{self.name.upper()}"


@dataclass(frozen=True, eq=False, repr=False)
class Step(Row):
    """One step: where its work is (`module:function`, called with the job and its outcome), and what surrounds it.

    The chart makes a pod for every row from `pod`, `secrets` and `settings`, and lines up those `in_chain`; what a
    template can't take from here is how forecasts are spread over pods and when `select` and `load` have nothing to do:
    that stands in `_workflowtemplate.tpl`.
    """

    about: str = ""  # of its command
    reads: tuple[str, ...] = ()  # names of FILES
    optional: tuple[str, ...] = ()  # those of `reads` that it can do without
    writes: str = ""  # the one of FILES that it publishes, with its result beside it
    flags: tuple[Option, ...] = ()  # beside settings and files
    needs: tuple[str, ...] = ()  # paths of settings that must be given where there is no series document
    settings_of: str = ""  # it takes the settings of another step
    settings: tuple[str, ...] = ()  # paths of settings that it takes beside those that name it
    pod: str = ""  # of PODS; "" runs on no cluster
    secrets: tuple[str, ...] = ()  # of the chart's secrets, mounted as files
    in_chain: bool = True  # a run starts it, on a cluster and on one machine; others are started by the cluster alone
    of_table: bool = False  # it also takes a user's own table, and prints what it makes of it
    in_folder: bool = False  # it works in a run folder only and takes no files by name
    publishes_as: str = ""  # it does for many containers what this step does in one: same files, same name of result
    fact: tuple[str, ...] = ("rows_out", "row")  # what the report says of it: a count, its unit, and of how many

    @property
    def image(self) -> str:
        """The image that carries it."""
        from cronocast.images import PODS  # of no use to a step that starts

        return PODS[self.pod].image if self.pod else ""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of FILES that it takes as flags: what it reads, then what it writes."""
        return () if self.in_folder else tuple(filter(None, (*self.reads, self.writes)))


OUTPUTS = Option(
    "outputs", "FOLDER", "Folder for the small values that a workflow engine shows or branches on.", Path | None
)
FILES = {
    "history": File("history.csv", "File with the history (name,tags,time,value)."),
    "evaluation": File("evaluation.json", "File with what past forecasts were worth, and when limits are reached."),
    "profile": File("profile.json", "File with the classes."),
    "forecast": File("forecast.csv", "File with the forecast."),
}
# What every step takes.
COMMON = (
    Option("entry", "JSON", "The series document as JSON text, or @FILE."),
    Option("root", "FOLDER", "Root of the volume: the files are in ROOT/<series id>/runs/<run>.", Path | None),
    Option("run", "TIME", "The run's scheduled time, such as 2026-01-31T12:00:00Z; now if not given."),
    Option("deadline", "SECONDS", "Stop after this time, as SIGTERM does; no limit if not given.", int | None),
)
_WHERE = ("sink.url", "sink.database", "sink.measurement")
STEPS: dict[str, Step] = {
    "extract": Step(
        "cronocast.chain.extract:run",
        about="Read the history of a series from its database into history.csv.",
        writes="history",
        pod="extract",
        secrets=("source", "ca"),
        fact=("rows_kept", "row"),
    ),
    "evaluate": Step(
        "cronocast.chain.evaluate:run",
        extra="linear",
        about="Hold past forecasts against what came, and say when limits are reached: history.csv to evaluation.json.",
        reads=("history",),
        writes="evaluation",
        settings_of="classify",
        pod="classify",
        fact=("members", "member"),
    ),
    "classify": Step(
        "cronocast.chain.classify:run",
        extra="linear",
        about="Classify each member: of your own table, or history.csv to profile.json.",
        reads=("history",),
        writes="profile",
        flags=(OUTPUTS,),
        of_table=True,
        pod="classify",
        fact=("members", "member"),
    ),
    "forecast": Step(
        "cronocast.chain.forecast:run",
        extra="linear",
        about="Forecast each member with a calibrated interval: of your own table, or history.csv to forecast.csv.",
        reads=("history", "profile"),
        optional=("profile",),
        writes="forecast",
        flags=(
            Option(
                "part",
                "PART",
                "Forecast this container's share only, such as lstm-0/3 (image-index/count).",
                alone=True,
            ),
        ),
        of_table=True,
        pod="forecast",
    ),
    "select": Step(
        "cronocast.chain.select:run",
        about="Merge the parts that several forecast containers wrote; choose where several models were tried on a"
        " member.",
        reads=("profile",),
        writes="forecast",
        pod="select",
        in_chain=False,
        in_folder=True,
        publishes_as="forecast",
    ),
    "load": Step(
        "cronocast.chain.load:run",
        about="Write forecast.csv to the database, every point acknowledged.",
        reads=("forecast",),
        flags=(Option("dry_run", "FILE", "Write the lines to this file and send nothing.", Path | None, written=True),),
        needs=_WHERE,
        pod="load",
        secrets=("source", "sink", "ca"),
        fact=("acked", "point", "expected"),
    ),
    "alert": Step(
        "cronocast.chain.alert:run",
        about="Send what of a run is worth a message to the notifiers of the series.",
        needs=("name",),
        settings_of="load",
        pod="load",
        secrets=("ca", "notify"),
        in_folder=True,
        fact=("acked", "message"),
    ),
    "record": Step(
        "cronocast.chain.record:run",
        about="Record the outcome of a run in the database, including failed runs.",
        flags=(
            Option("status", "WORD", "The engine's status of the whole run: Succeeded, Failed or Error."),
            Option("failures", "JSON", "The engine's list of failed pods as JSON."),
            OUTPUTS,
            Option(
                "keep_runs",
                "COUNT",
                "Drop the history of earlier runs of the series, and whole runs beyond this many.",
                int | None,
            ),
        ),
        needs=("name", *_WHERE),
        settings_of="load",
        pod="load",
        secrets=("source", "sink", "ca", "notify"),
        in_chain=False,
        in_folder=True,
    ),
}


def chain_steps() -> tuple[str, ...]:
    """Steps that a run starts one after another."""
    return tuple(name for name, step in STEPS.items() if step.in_chain)


def steps_before(name: str) -> tuple[str, ...]:
    """Those that have run when a step begins."""
    names = chain_steps()
    return names[: names.index(name)]
