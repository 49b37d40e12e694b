"""Pretrained models of darts: weights from a folder, loaded once in a process, then used for every member and origin.

Nothing is learnt from the values, so that a forecast of the past knows nothing but what lies before its origin.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cronocast.errors import ConfigError, CronocastError, DataError, MissingExtraError, Problem, Terminated, seen
from cronocast.models.darts_library import arguments_of, made, series_of
from cronocast.models.model import Context

if TYPE_CHECKING:
    from darts import TimeSeries
    from darts.models.forecasting.forecasting_model import ForecastingModel

    from cronocast.timeseries.grid import Floats

FOLDER = "local_dir"  # the argument that only pretrained models have
FILES = ("config.json", "model.safetensors")  # what darts reads there; it would download what is not there
# models that a library of their own reads, which knows its files
OTHER_FILES = ("TiRexModel", "TiRex2Model")
# Unless the entry says otherwise: steps that are read (12 weeks of hours), the fewest, the rest being left empty, and
# steps that are forecast in one go, after which the forecast is read on.
LONGEST, SHORTEST, AHEAD = 2016, 8, 128
KEPT = 4  # models whose weights stay in memory
HOUR_NS = 3600 * 10**9


def is_pretrained(library_class: "type[ForecastingModel]") -> bool:
    """Whether a class of darts reads weights that others have trained."""
    return FOLDER in arguments_of(library_class)


def check_weights(library_class: "type[ForecastingModel]", options: Mapping[str, Any]) -> None:
    """Refuse options that name no folder with weights.

    Raises:
        ConfigError: the folder is not named.
        MissingExtraError: it is not there, or files are missing in it; they are named.
    """
    name, folder = library_class.__name__, options.get(FOLDER)
    if not isinstance(folder, str) or not folder:
        sentence = f"{name} is pretrained: give the folder that its weights lie in, such as /data/weights/{name}"
        raise ConfigError.one("E_CONFIG_MISSING", f"options.{FOLDER}", f"{sentence}; nothing is downloaded")
    there = {path.name for path in Path(folder).iterdir()} if Path(folder).is_dir() else set()
    missing = [file for file in FILES if file not in there] if name not in OTHER_FILES else []
    if not there or missing:
        lacks = f"has no {' and no '.join(missing)}" if there else "is no folder with files"
        fill = f"copy the files that {name}'s authors publish into it ({', '.join(missing or ['all of them'])})"
        sentence = f"{seen(folder)} {lacks}; nothing is downloaded: {fill}"
        raise MissingExtraError([Problem("E_WEIGHTS", f"options.{FOLDER}", sentence)])


class Pretrained:
    """One pretrained model of darts. It reads the newest steps of a member; what is too short for it is padded."""

    def __init__(self, library_class: "type[ForecastingModel]") -> None:
        """Wrap one class of darts."""
        self._class = library_class

    def fit(self, y: "Floats", context: Context) -> Self:
        """Keep y, shape (t,).

        Raises:
            ConfigError: an option is not allowed, or the weights can't be read.
            DataError: y is shorter than the model asks for.
        """
        self._y, self._context = _long_enough(y, _weights(self._class, context.options), self._class), context
        return self

    def predict(self, h: int) -> "Floats":
        """Extend y by h steps."""
        [found] = forecast_origins(self._class, [self._y], [self._context], h)
        if isinstance(found, CronocastError):
            raise found
        return found


def new_pretrained(library_class: "type[ForecastingModel]") -> "partial[Pretrained]":
    """What makes a model that has fitted nothing, and forecasts many origins at once, see `ForecastOrigins`."""
    new = partial(Pretrained, library_class)
    new.forecast_origins = partial(forecast_origins, library_class)  # type: ignore[attr-defined]
    return new


def forecast_origins(
    library_class: "type[ForecastingModel]", ys: "Sequence[Floats]", contexts: Sequence[Context], h: int
) -> "list[Floats | CronocastError]":
    """Forecast h steps from the end of each history, in one batch; see `ForecastOrigins`.

    Raises:
        ConfigError: as of `Pretrained.fit`.
    """
    model = _weights(library_class, contexts[0].options)
    found: dict[int, Floats | CronocastError] = {}
    read: dict[int, Window] = {}
    for i, y in enumerate(ys):
        try:
            read[i] = Window(_long_enough(y, model, library_class)[-model.input_chunk_length :])
        except DataError as error:
            found[i] = error
    series = [_float32(read[i].scaled, contexts[i]) for i in read]
    # in whole goes: darts lets a last one that is cut replace the end of the one before it
    steps = -(-h // model.output_chunk_length) * model.output_chunk_length
    answers = model.predict(steps, series=series, verbose=False, show_warnings=False) if series else []
    found |= {i: read[i].back(answer.values()[:h, 0]) for i, answer in zip(read, answers, strict=True)}
    return [found[i] for i in range(len(ys))]


class Window:
    """The steps that a model reads, around 0 and of size 1: networks compute with seven digits."""

    def __init__(self, y: "Floats") -> None:
        """Scale y, shape (t,)."""
        self._middle = float(np.mean(y))
        self._size = float(np.max(np.abs(y - self._middle))) if np.ptp(y) > 0 else 0.0
        self._last = float(y[-1])
        self.scaled = (y - self._middle) / (self._size or 1.0)

    def back(self, z: "Floats") -> "Floats":
        """A forecast in the unit of y; a constant goes on exactly."""
        z = np.asarray(z, dtype=float)
        return self._middle + self._size * z if self._size else np.full(z.shape, self._last)


def _long_enough(y: "Floats", model: Any, library_class: "type[ForecastingModel]") -> "Floats":  # noqa: ANN401 - the library's
    least = int(model.min_input_chunk_length)
    if y.size < least:
        raise DataError("E_SHORT", library_class.__name__, f"{y.size} points, need {least}: extract more")
    return y


def _weights(library_class: "type[ForecastingModel]", options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the library's
    return _loaded(library_class, json.dumps(options, sort_keys=True))  # type: ignore[arg-type]  # a class is hashable


@lru_cache(KEPT)
def _loaded(library_class: "type[ForecastingModel]", options: str) -> Any:  # noqa: ANN401 - the library's own types differ
    """The model with its weights, by the options as JSON.

    Raises:
        ConfigError: an option is not allowed, or the weights can't be read.
    """
    given = json.loads(options)
    check_weights(library_class, given)
    made_one = made(library_class, Context(1, 0, options=_arguments(given)))
    quiet()
    try:
        # it reads the weights, and learns nothing: fine-tuning is refused
        return made_one.fit(_float32(np.zeros(made_one.input_chunk_length), Context(HOUR_NS, 0)), verbose=False)
    except Terminated:
        raise
    except Exception as error:  # whatever the library and the reader of its files raise
        sentence = f"{library_class.__name__} can't read its weights in {seen(given[FOLDER])}: {seen(str(error))}"
        raise ConfigError.one("E_WEIGHTS", f"options.{FOLDER}", sentence) from error


def _float32(y: "Floats", context: Context) -> "TimeSeries":
    return series_of(y, context).astype(np.float32)  # the type of the weights


def quiet() -> None:
    """Let torch compute on one thread, as everything else, so that sums are in one order, and print nothing."""
    import torch

    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with what to read and to forecast in one go, and without the library's own printing and training.

    Raises:
        ConfigError: they ask for training.
    """
    if options.get("enable_finetuning"):
        sentence = "pretrained models are used as they are; leave it out"
        raise ConfigError.one("E_CONFIG_CHOICE", "options.enable_finetuning", sentence)
    read = options.get("input_chunk_length", LONGEST)
    window = (min(SHORTEST, read), read) if isinstance(read, int) else tuple(read)
    printing = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "auto"}
    trainer = {**printing, **options.get("pl_trainer_kwargs", {})}
    given = {"output_chunk_length": AHEAD, **options}
    return {**given, "input_chunk_length": window, "pl_trainer_kwargs": trainer}
