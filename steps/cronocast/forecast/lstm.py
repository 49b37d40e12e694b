"""LSTM on the parts of a member, or of many members at once: what trend and season leave over, forecast for all steps in one go.

1. Each member is taken apart into trend, season and rest (`decompose`), and trend and season are extended.
2. A linear map of the member's own, and one network common to all members, forecast by how much each part will differ (`windows`).
3. Held-out windows say what share of either correction to let through; where they don't help, the extensions stand alone.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from cronocast.errors import CronocastError, DataError
from cronocast.forecast import Context, lstm_member, state
from cronocast.forecast import windows as win
from cronocast.forecast.lstm_options import Options, read_options

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from cronocast.forecast.lstm_member import Member

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Pool = tuple[Floats32, Floats32]  # windows (n, blocks, parts) and targets (n, outputs, parts)

WARM_EPOCHS = 3  # what a second run adds to weights that already fit
NEWEST = 0.2  # share of the training windows that a second run learns from
FORGET = 0.1  # saved weights whose held-out error, relative to none, got worse by more than this are trained anew
WINDOWS = 200_000  # kept in memory of all members together: at most 1 GB
LEAST_WINDOWS = 100  # of each member, however many there are
POOL = 40_000  # windows of all members together that the network may draw from: about 100 MB
WINDOW = 48  # steps of a window at least, in whole seasons: two days of hours; half of it was worse on real series, more only longer


class LstmMany:
    """One network for many members; each keeps its own seasons, scales, linear map and share of the network's word.

    After `fit_many`: `errors` says which members were too short, `notes` what happened to the saved weights, `epochs` how many were trained.
    """

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self.errors: dict[int, CronocastError] = {}
        self.notes: list[str] = []
        self.epochs = 0
        self._members: dict[int, Member] = {}

    def fit_many(self, ys: "Sequence[Floats]", contexts: Sequence[Context]) -> Self:
        """Learn from members of one entry, each of shape (t,), finite; options, state and seed are those of the first context.

        Raises:
            ConfigError: an option is wrong.
            DataError: every member is too short.
            StorageError: the state folder can't be read or written.
        """
        options = read_options(contexts[0].options)
        self._shape = _shape(options, contexts)
        most = min(win.MAX_WINDOWS, max(LEAST_WINDOWS, WINDOWS // len(ys)))
        for i, (y, context) in enumerate(zip(ys, contexts, strict=True)):
            try:
                self._members[i] = lstm_member.prepare(y, context.periods, self._shape, context.observed, most)
            except DataError as error:
                self.errors[i] = error
        if not self._members:
            raise self.errors[0]
        from cronocast.forecast.network import Architecture, Network  # seconds of import, only once it is sure to be used

        architecture = Architecture(self._shape.inputs, self._shape.outputs, options.units, options.layers)
        self._network = Network(architecture, options.seed if options.seed is not None else contexts[0].seed, options.learning_rate)
        blocks = {"in_block": self._shape.in_block, "out_block": self._shape.out_block}
        self._learn(options, contexts[0].state, state.Identity(options.key, {**architecture.document(), **blocks}, self._network.shapes()))
        for member in self._members.values():
            lstm_member.finish(member, self._network.apply, self._shape.h)
        return self

    def predict_many(self, h: int) -> "dict[int, Floats]":
        """Extend each member by h steps, by its place in `ys`; those in `errors` are absent.

        Raises:
            InvariantError: a forecast is not finite.
        """
        return {i: _sum(self.predict_parts(h, i)) for i in self._members}

    def predict_parts(self, h: int, i: int = 0) -> "dict[str, Floats]":
        """The forecasts of trend, season and rest that are added, each of shape (h,), unit of y."""
        return lstm_member.ahead(self._members[i], self._network.apply, self._shape, h)

    def predict_after(self, y: "Floats", h: int, i: int = 0) -> "Floats":
        """Extend a longer history of member i by h steps with the network as it is; what has a closed form follows the new values.

        Raises:
            DataError: y is too short.
            InvariantError: the forecast is not finite.
        """
        member = lstm_member.prepare(y, self._members[i].periods, self._shape)
        lstm_member.finish(member, self._network.apply, self._shape.h)
        return _sum(lstm_member.ahead(member, self._network.apply, self._shape, h))

    def _learn(self, options: Options, folder: "Path | None", identity: state.Identity) -> None:
        """Train the common network on what the linear maps leave, from saved weights where they are sound."""
        train, held_out = self._pool(), self._pool(late=True)
        if not train[1].any():
            return  # constants, and what repeats exactly: nothing is left to learn
        saved = state.load(folder, identity, self.notes) if folder else None
        without = float(np.mean(np.abs(held_out[1].sum(axis=2)))) or 1.0
        if saved:
            self._network.set_weights(saved.arrays)
            self.epochs = self._network.train(*self._pool(NEWEST), held_out, min(WARM_EPOCHS, options.epochs), options.batch_size)
            score = self._network.error(*held_out) / without
            if score <= saved.score + FORGET:
                self.notes.append("warm_start")
            else:
                self.notes.append(f"model_retrained: saved weights no longer fit (held-out error {score:.3f} of that without them, was {saved.score:.3f})")
                saved = None
                self._network.reset()
        if not saved:
            self.epochs = self._network.train(*train, held_out, options.epochs, options.batch_size)
        if folder:
            score = min(1.0, self._network.error(*held_out) / without)
            state.save(folder, identity, state.Saved(self._network.weights(), score))

    def _pool(self, newest: float = 1.0, *, late: bool = False) -> "Pool":
        """Windows of all members and what their linear maps leave: to train on (all, or the newest share), or held out (`late`)."""
        most = max(LEAST_WINDOWS, POOL // len(self._members)) // (4 if late else 1)
        inputs, targets = [], []
        for member in self._members.values():
            rows = member.windows.split(self._shape.h)[late]
            rows = rows[-max(1, int(newest * rows.size)) :]
            rows = rows[:: max(1, -(-rows.size // most))]
            inputs.append(member.windows.inputs[rows])
            targets.append(member.left()[rows])
        return np.concatenate(inputs), np.concatenate(targets)


def _sum(parts: "Mapping[str, Floats]") -> "Floats":
    total: Floats = parts["trend"] + parts["season"] + parts["rest"]
    return total


def _shape(options: Options, contexts: Sequence[Context]) -> win.Plan:
    """Window and horizon for all members: two of the season that most of them have, or as many as fill 48 steps."""
    shortest = [min(context.periods) for context in contexts if context.periods]
    period = max(sorted(set(shortest)), key=shortest.count) if shortest else WINDOW // 2
    return win.plan(options.horizon or period, options.lookback or max(2, -(-WINDOW // period)) * period)


class Lstm:
    """The model `lstm` for one member."""

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self._many = LstmMany()

    @property
    def notes(self) -> list[str]:
        """What happened to the saved weights, such as `warm_start` or `model_retrained: ...`."""
        return self._many.notes

    @property
    def epochs(self) -> int:
        """Epochs that the last fit trained."""
        return self._many.epochs

    def fit(self, y: "Floats", context: Context) -> Self:
        """Learn from y: shape (t,), oldest first, evenly spaced, finite; `context.options["horizon"]` steps are forecast in one go.

        Raises:
            ConfigError: an option is wrong.
            DataError: y is too short, or its values overflow.
            StorageError: the state folder can't be read or written.
        """
        self._many = LstmMany().fit_many([y], [context])
        return self

    def predict(self, h: int) -> "Floats":
        """Extend y by h >= 1 steps: shape (h,), unit of y.

        Raises:
            InvariantError: the forecast is not finite.
        """
        return self._many.predict_many(h)[0]

    def predict_parts(self, h: int) -> "dict[str, Floats]":
        """Trend, season and rest that `predict` adds."""
        return self._many.predict_parts(h)

    def predict_after(self, y: "Floats", h: int) -> "Floats":
        """Extend a longer history than the one of `fit` by h steps, without training the network anew: shape (h,)."""
        return self._many.predict_after(y, h)
