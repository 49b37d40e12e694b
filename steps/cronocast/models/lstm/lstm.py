"""LSTM on the parts of a member, or of many members at once.

What trend and season leave over is forecast for all steps in one go.

1. Each member is taken apart into trend, season and rest (`decompose`), and trend and season are extended.
2. A linear map of the member's own, and one network common to all members, forecast by how much each part will differ
(`windows`). 3. Held-out windows say what share of either correction to let through; where they don't help, the
extensions stand alone.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from cronocast.errors import DataError
from cronocast.handoff.evaluation import FULL, PREDICT
from cronocast.models import weights
from cronocast.models.lstm import member as lstm_member
from cronocast.models.lstm import windows as win
from cronocast.models.lstm.forward import Architecture
from cronocast.models.model import Context
from cronocast.models.options import LstmOptions, read_options
from cronocast.models.weights_manifest import Identity, Saved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from cronocast.models.lstm.member import LstmMember
    from cronocast.models.lstm.network import Network

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Pool = tuple[Floats32, Floats32]  # windows (n, blocks, parts) and targets (n, outputs, parts)

WARM_EPOCHS = 3  # what a second run adds to weights that already fit
NEWEST = 0.2  # share of the training windows that a second run learns from
FORGET = 0.1  # saved weights whose held-out error, relative to none, got worse by more than this are trained anew
WINDOWS = 200_000  # kept in memory of all members together: at most 1 GB
LEAST_WINDOWS = 100  # of each member, however many there are
POOL = 40_000  # windows of all members together that the network may draw from: about 100 MB
# steps of a window at least, in whole seasons: two days of hours; half of it was worse on real series, more only longer
WINDOW = 48


class LstmMany:
    """One network for many members.

    It corrects what is scaled alike, so it serves each of them, and one that it has not seen.

    After `fit_many`: `notes` says what happened to the saved weights, `epochs` how many were trained. It is small, and
    is forecast with without a deep-learning library.
    """

    name = "lstm"
    architecture: ClassVar[Any] = Architecture
    options: ClassVar[type[LstmOptions]] = LstmOptions

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self.notes: list[str] = []
        self.epochs = 0

    def fit_many(self, ys: "Sequence[Floats]", contexts: Sequence[Context]) -> Self:
        """Learn from members of one entry, each of shape (t,), finite.

        Options, state and seed are those of the first context.

        Members that are too short are not learnt from; `predict_after` says so of each.

        Raises:
            ConfigError: an option is wrong.
            DataError: every member is too short; it speaks of the longest.
            StorageError: the state folder can't be read or written.
        """
        options = read_options(self.options, contexts[0].options)
        self._shape = _shape(options, contexts)
        first, architecture = (
            contexts[0],
            self.architecture(self._shape.inputs, self._shape.outputs, options.units, options.layers),
        )
        blocks = {"in_block": self._shape.in_block, "out_block": self._shape.out_block}
        identity = Identity(
            first.key, {**architecture.document(), **blocks}, architecture.shapes(), first.step_ns, first.end_ns
        )
        if first.anew == PREDICT and self._take(first.state, identity, architecture):
            return self
        members = _prepared(ys, contexts, self._shape)
        from cronocast.models.lstm.network import Network  # seconds of import, only once it is sure to be used

        network = Network(
            architecture, options.seed if options.seed is not None else contexts[0].seed, options.learning_rate
        )
        self._learn(network, members, options, first, identity)
        self._apply = partial(architecture.forward, network.weights())
        return self

    def _take(self, folder: "Path | None", identity: Identity, architecture: Any) -> bool:  # noqa: ANN401 - of two kinds
        """Take saved weights as they are, without a deep-learning library; tell whether there were any."""
        saved = weights.load(folder, identity, self.notes) if folder else None
        if saved is not None:
            self._apply = partial(architecture.forward, saved.arrays)
            self.notes.append("weights_kept")
        return saved is not None

    def predict_after(self, y: "Floats", h: int, context: Context) -> "Floats":
        """Extend any member by h steps with the network as it is: shape (h,); what has a closed form is learnt from y.

        Raises:
            DataError: y is too short, or its values overflow.
            InvariantError: the forecast is not finite.
        """
        return _sum(self.parts_after(y, h, context))

    def parts_after(self, y: "Floats", h: int, context: Context) -> "dict[str, Floats]":
        """The forecasts of trend, season and rest that `predict_after` adds, each of shape (h,), unit of y."""
        member = lstm_member.prepare(y, context.periods, self._shape, context.observed)
        lstm_member.finish(member, self._apply, self._shape.h)
        return lstm_member.ahead(member, self._apply, self._shape, h)

    def _learn(
        self,
        network: "Network",
        members: "Sequence[LstmMember]",
        options: LstmOptions,
        context: Context,
        identity: Identity,
    ) -> None:
        """Train the common network on what the linear maps leave.

        It starts from the weights that an earlier run saved, where they are sound.
        """
        train, held_out = _pool(members, self._shape.h), _pool(members, self._shape.h, late=True)
        if not train[1].any():
            return  # constants, and what repeats exactly: nothing is left to learn
        folder = context.state
        saved = weights.load(folder, identity, self.notes) if folder and context.anew != FULL else None
        without = float(np.mean(np.abs(held_out[1].sum(axis=2)))) or 1.0
        if saved:
            network.set_weights(saved.arrays)
            self.epochs = network.train(
                *_pool(members, self._shape.h, NEWEST), held_out, min(WARM_EPOCHS, options.epochs), options.batch_size
            )
            score = network.error(*held_out) / without
            if score <= saved.score + FORGET:
                self.notes.append("warm_start")
            else:
                self.notes.append(
                    f"model_retrained: saved weights no longer fit (held-out error {score:.3f} relative to that"
                    f" without them, was {saved.score:.3f})"
                )
                saved = None
                network.reset()
        if not saved:
            self.epochs = network.train(*train, held_out, options.epochs, options.batch_size)
        if folder:
            score = min(1.0, network.error(*held_out) / without)
            weights.save(folder, identity, Saved(network.weights(), score))


def _pool(members: "Sequence[LstmMember]", h: int, newest: float = 1.0, *, late: bool = False) -> "Pool":
    """Windows of all members and what their linear maps leave.

    They are those to train on (all, or the newest share), or those held out (`late`).
    """
    most = max(LEAST_WINDOWS, POOL // len(members)) // (4 if late else 1)
    inputs, targets = [], []
    for member in members:
        rows = member.windows.split(h)[late]
        rows = rows[-max(1, int(newest * rows.size)) :]
        rows = rows[:: max(1, -(-rows.size // most))]
        inputs.append(member.windows.inputs[rows])
        targets.append(member.left()[rows])
    return np.concatenate(inputs), np.concatenate(targets)


def _prepared(ys: "Sequence[Floats]", contexts: Sequence[Context], shape: win.Plan) -> "list[LstmMember]":
    """The members that are long enough, fewer windows of each the more they are.

    Raises:
        DataError: none is; the error of the longest.
    """
    most = min(win.MAX_WINDOWS, max(LEAST_WINDOWS, WINDOWS // len(ys)))
    members, errors = [], []
    for y, context in zip(ys, contexts, strict=True):
        try:
            members.append(lstm_member.prepare(y, context.periods, shape, context.observed, most))
        except DataError as error:
            errors.append((y.size, error))
    if not members:
        raise max(errors, key=lambda found: found[0])[1]
    return members


def _sum(parts: "Mapping[str, Floats]") -> "Floats":
    total: Floats = parts["trend"] + parts["season"] + parts["rest"]
    return total


def _shape(options: LstmOptions, contexts: Sequence[Context]) -> win.Plan:
    """Window and horizon for all members: two of the season that most of them have, or as many as fill 48 steps."""
    shortest = [min(context.periods) for context in contexts if context.periods]
    period = max(sorted(set(shortest)), key=shortest.count) if shortest else WINDOW // 2
    return win.plan(contexts[0].horizon or period, options.lookback or max(2, -(-WINDOW // period)) * period)


class Lstm:
    """LSTM on the remainder after trend and season, one network for all members.

    It takes 1 % more off the error of a seasonal naive forecast than its closed-form parts alone. Those parts are the
    trend, the season and a linear map of each member; measured on the hourly series of the M4 and NAB collections, with
    the network and without it. It does not help where little repeats, nor on short histories: at a horizon of a day it
    needs 116 hours, and falls back below.
    """

    many: ClassVar[type[LstmMany]] = LstmMany

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self._many = self.many()

    @classmethod
    def fit_many(cls, ys: "Sequence[Floats]", contexts: Sequence[Context]) -> LstmMany:
        """Train one network for many members; errors as of `LstmMany.fit_many`."""
        return cls.many().fit_many(ys, contexts)

    @property
    def notes(self) -> list[str]:
        """What happened to the saved weights, such as `warm_start` or `model_retrained: ...`."""
        return self._many.notes

    @property
    def epochs(self) -> int:
        """Epochs that the last fit trained."""
        return self._many.epochs

    def fit(self, y: "Floats", context: Context) -> Self:
        """Learn from y: shape (t,), oldest first, evenly spaced, finite.

        `context.horizon` steps are forecast in one go.

        Raises:
            ConfigError: an option is wrong.
            DataError: y is too short, or its values overflow.
            StorageError: the state folder can't be read or written.
        """
        self._many, self._y, self._context = self.many().fit_many([y], [context]), y, context
        return self

    def predict(self, h: int) -> "Floats":
        """Extend y by h >= 1 steps: shape (h,), unit of y.

        Raises:
            InvariantError: the forecast is not finite.
        """
        return self._many.predict_after(self._y, h, self._context)
