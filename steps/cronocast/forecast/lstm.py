"""LSTM on the parts of one member or of many members at once: what season and trend leave over, forecast in one go for all steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cronocast.errors import ConfigError, CronocastError, DataError, InvariantError, Problem, seen
from cronocast.forecast import Context, state
from cronocast.forecast import windows as win
from cronocast.forecast.decompose import Parts, decompose
from cronocast.forecast.windows import PARTS, Plan, Prepared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cronocast.forecast.network import Network

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]
    Ints = NDArray[np.int64]

WARM_EPOCHS = 3  # what a second run adds to weights that already fit
NEWEST = 0.2  # share of the training windows that a second run learns from
FORGET = 0.1  # saved weights whose held-out error, relative to none, got worse by more than this are trained anew
POOL = 40_000  # windows of all members together that the network may draw from: about 100 MB
LEAST_POOL = 100  # of each member however many there are
GATES = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of a correction that the held-out part may let through
DOUBT = 0.01  # relative gain that a full share of a correction must bring; below it is luck


@dataclass(frozen=True)
class Options:
    """What `options` of an entry may say for this model."""

    horizon: int | None = None  # steps, set by the engine
    key: str = ""  # whose weights these are, set by the engine
    epochs: int = 40  # at most; training stops when the held-out error no longer falls
    units: int = 32
    layers: int = 1
    lookback: int | None = None  # steps in a window; two of the shortest season if not given
    batch_size: int | None = None
    learning_rate: float = 0.002
    seed: int | None = None


_RANGES: Mapping[str, tuple[float, float, type, str]] = {
    "horizon": (1, 1_000_000, int, "E_CONFIG_RANGE"),
    "epochs": (1, 1000, int, "E_CONFIG_RANGE"),
    "units": (1, 512, int, "E_MODEL"),
    "layers": (1, 3, int, "E_MODEL"),  # each one costs a third more and the second rarely helps on one metric
    "lookback": (6, 100_000, int, "E_CONFIG_RANGE"),
    "batch_size": (1, 4096, int, "E_CONFIG_RANGE"),
    "learning_rate": (1e-6, 1.0, float, "E_CONFIG_RANGE"),
    "seed": (0, 2**31 - 1, int, "E_CONFIG_RANGE"),
}


def read_options(given: Mapping[str, Any]) -> Options:
    """Check the options of an entry.

    Raises:
        ConfigError: with every option that is unknown, of the wrong type or out of range.
    """
    problems = []
    for name, value in given.items():
        where = f"options.{name}"
        if name == "key":
            continue
        if name not in _RANGES:
            problems.append(Problem("E_CONFIG_UNKNOWN", where, f"lstm has no such option; allowed: {', '.join(_RANGES)}"))
            continue
        low, high, kind, token = _RANGES[name]
        right = isinstance(value, int | float) if kind is float else isinstance(value, int)
        if isinstance(value, bool) or not right or not low <= value <= high:
            problems.append(Problem(token, where, f"{seen(value)} is not allowed; right: {'a whole number' if kind is int else 'a number'} from {low:g} to {high:g}"))
    if problems:
        raise ConfigError(problems)
    return Options(**dict(given))


@dataclass
class _Fitted:
    """One member: its values brought to a common size, and what was learnt about it alone."""

    y: "Floats"
    shift: float
    size: float
    prepared: Prepared
    parts: Parts
    windows: win.Windows
    x: "Floats"  # inputs of the linear map, one row per window
    weights: "Floats"  # the linear map
    penalty: float
    gates: tuple[float, float] = (0.0, 0.0)  # share of the linear and of the network's correction


class LstmMany:
    """One network for many members; each keeps its own scales, seasons, linear map and share of the network's word.

    After `fit_many`: `errors` says which members were too short, `notes` what happened to the saved weights, `epochs` how many were trained.
    """

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self.errors: dict[int, CronocastError] = {}
        self.notes: list[str] = []
        self.epochs = 0
        self._members: dict[int, _Fitted] = {}

    def fit_many(self, ys: "Sequence[Floats]", contexts: Sequence[Context]) -> Self:
        """Learn from members of one entry: each of shape (t,), finite; options, state and seed are those of the first context.

        Raises:
            ConfigError: an option is wrong.
            DataError: every member is too short.
            StorageError: weights can't be saved.
        """
        from cronocast.forecast.network import Architecture, Network

        options = read_options(contexts[0].options)
        self.shape = _shape(options, ys, contexts)
        share = max(LEAST_POOL, POOL // len(ys))
        for i, (y, context) in enumerate(zip(ys, contexts, strict=True)):
            try:
                self._members[i] = _fit_alone(y, context, self.shape)
            except DataError as error:
                self.errors[i] = error
        if not self._members:
            raise self.errors[0]
        seed = options.seed if options.seed is not None else contexts[0].seed
        architecture = Architecture(self.shape.inputs, self.shape.outputs, options.units, options.layers)
        self._network = Network(architecture, seed, options.learning_rate)
        identity = state.Identity(options.key, {**architecture.document(), "in_block": self.shape.in_block, "out_block": self.shape.out_block}, self._network.shapes())
        self._learn(options, contexts[0].state, identity, share)
        for member in self._members.values():
            self._finish(member)
        return self

    def predict_many(self, h: int) -> "dict[int, Floats]":
        """Extend each member by h steps, by its place in `ys`; those in `errors` are absent.

        Raises:
            InvariantError: a forecast is not finite.
        """
        return {i: _sum(self._parts(member, member.y, h)) for i, member in self._members.items()}

    def predict_after(self, y: "Floats", h: int, i: int = 0) -> "Floats":
        """Extend a longer history of member i by h steps with what was learnt before, shape (h,).

        Raises:
            InvariantError: the forecast is not finite.
        """
        return _sum(self.parts_after(y, h, i))

    def parts_after(self, y: "Floats", h: int, i: int = 0) -> "dict[str, Floats]":
        """The forecasts of trend, season and rest that `predict_after` adds, each of shape (h,), unit of y."""
        member = self._members[i]
        return self._parts(member, (y - member.shift) / member.size, h)

    def _parts(self, member: _Fitted, history: "Floats", h: int) -> "dict[str, Floats]":
        at = self.shape.h
        blocks = []
        while at * len(blocks) < h:  # further than was trained for: forecast on from the forecast
            blocks.append(self._ahead(member, history))
            history = np.concatenate([history, blocks[-1].sum(axis=1)])
        ahead = np.concatenate(blocks)[:h] * member.size
        if not np.isfinite(ahead).all():
            raise InvariantError("E_NONFINITE_FORECAST", "lstm", f"{int((~np.isfinite(ahead)).sum())} of {ahead.size} values are not finite; the values seen are too large or the network diverged")
        out = dict(zip(PARTS, ahead.T, strict=True))
        out["trend"] = out["trend"] + member.shift
        return out

    def _ahead(self, member: _Fitted, history: "Floats") -> "Floats":
        parts = decompose(history, member.prepared.settings, self.shape.h)
        last, steps = np.array([history.size - 1]), np.arange(1, self.shape.h + 1)
        raw = win.look_back(history, parts, last, self.shape)
        linear, network = member.gates
        correction = np.zeros((1, self.shape.outputs, len(PARTS)))
        if linear:
            correction += linear * win.linear(win.linear_inputs(raw, member.prepared), member.weights)
        if network:
            correction += network * self._network.apply(win.scaled_inputs(raw, member.prepared))
        out = win.steps_of(correction[0] * member.prepared.scale, self.shape)
        out[:, 0] += parts.trend_at(last, steps)[0]
        out[:, 1] += parts.season_at(last, steps)[0]
        return out

    def _learn(self, options: Options, folder: Any, identity: state.Identity, share: int) -> None:  # noqa: ANN401
        """Train the common network on what the members' linear maps leave, from saved weights where they are sound."""
        train, held_out = self._pool(share)
        saved = state.load(folder, identity, self.notes) if folder else None
        nothing = float(np.mean(np.abs(held_out[1].sum(axis=2)))) or 1.0
        score = np.inf
        if saved:
            self._network.set_weights(saved.arrays)
            newest = self._pool(share, NEWEST)[0]
            self.epochs = self._network.train(*newest, held_out, min(WARM_EPOCHS, options.epochs), options.batch_size)
            score = self._network.error(*held_out) / nothing
            if score <= saved.score + FORGET:
                self.notes.append("warm_start")
            else:
                self.notes.append(f"model_retrained: saved weights no longer fit (held-out error {score:.3f} of that without them, was {saved.score:.3f})")
                self._network.reset()
                saved = None
        if not saved:
            self.epochs = self._network.train(*train, held_out, options.epochs, options.batch_size)
            score = self._network.error(*held_out) / nothing
        if folder:
            state.save(folder, identity, state.Saved(self._network.weights(), min(score, 1.0)))

    def _pool(self, share: int, newest: float = 1.0) -> "tuple[tuple[Floats32, Floats32], tuple[Floats32, Floats32]]":
        """Windows of all members: (inputs, targets) to train on and held out; targets are what the linear maps leave."""
        train, held_out = [], []
        for member in self._members.values():
            early, late = member.windows.split(self.shape.h)
            left = member.windows.targets - win.linear(member.x, member.weights).astype(np.float32)
            early = early[-max(1, int(newest * early.size)) :]
            for rows, most, pool in ((early, share, train), (late, max(1, share // 4), held_out)):
                some = rows[:: max(1, -(-rows.size // most))]
                pool.append((member.windows.inputs[some], left[some]))
        (a, b), (c, d) = ([np.concatenate(column) for column in zip(*pool, strict=True)] for pool in (train, held_out))
        return (a, b), (c, d)

    def _finish(self, member: _Fitted) -> None:
        """Let through what helped on the held-out part, then fit the linear map once more to all windows."""
        _, late = member.windows.split(self.shape.h)
        late = late[:: max(1, late.size // 256)]
        target = member.windows.targets[late].sum(axis=2)
        linear = win.linear(member.x[late], member.weights).sum(axis=2)
        network = self._network.apply(member.windows.inputs[late]).sum(axis=2)
        errors = {(a, b): float(np.mean(np.abs(target - a * linear - b * network))) * (1 + DOUBT * (a + b)) for a, b in product(GATES, GATES)}
        member.gates = min(errors, key=lambda gates: errors[gates])
        left = member.windows.targets.astype(np.float64)
        if member.gates[1]:
            left = left - member.gates[1] * self._network.apply(member.windows.inputs)
        member.weights = win.ridge(member.x, left, member.penalty)


def _sum(parts: "Mapping[str, Floats]") -> "Floats":
    total: Floats = parts["trend"] + parts["season"] + parts["rest"]
    return total


def _shape(options: Options, ys: "Sequence[Floats]", contexts: Sequence[Context]) -> Plan:
    """Window and horizon for all members: two of the season that most of them have, or two days' worth of steps."""
    shortest = [context.periods[0] for context in contexts if context.periods]
    period = max(sorted(set(shortest)), key=shortest.count) if shortest else 24
    h = options.horizon or period
    wanted = options.lookback or -(-48 // period) * period if period < 48 else 2 * period
    return win.plan(h, options.lookback or wanted)


def _fit_alone(y: "Floats", context: Context, shape: Plan) -> _Fitted:
    """Everything that a member learns from itself alone."""
    shift = float(np.median(y))
    with np.errstate(over="ignore"):
        spread = float(np.mean(np.abs(y - shift)))
    if not np.isfinite(spread):
        raise DataError("E_RANGE", "y", f"values up to {float(np.max(np.abs(y))):g} overflow when they are subtracted; scale them down in the query")
    size = spread or 1.0
    normal = (y - shift) / size
    prepared, parts = win.prepare(normal, context.periods, shape)
    rows = win.origins(y.size, shape, tuple(parts.seasons), win.MAX_WINDOWS, context.observed)
    raw = win.look_back(normal, parts, rows, shape)
    windows = win.Windows(rows, win.scaled_inputs(raw, prepared), win.scaled_targets(win.look_ahead(normal, parts, rows, shape), prepared))
    early, late = windows.split(shape.h)
    if early.size < win.MIN_WINDOWS or not late.size:
        raise DataError("E_TOO_SHORT", "y", f"{early.size} windows without long gaps to train on; lstm needs {win.MIN_WINDOWS}: extract more, or another model")
    x = win.linear_inputs(raw, prepared)
    tried = [(win.ridge(x[early], windows.targets[early], penalty), penalty) for penalty in win.RIDGE]
    target = windows.targets[late].sum(axis=2)
    errors = [float(np.mean(np.abs(target - win.linear(x[late], weights).sum(axis=2)))) for weights, _ in tried]
    weights, penalty = tried[int(np.argmin(errors))]
    return _Fitted(normal, shift, size, prepared, parts, windows, x, weights, penalty)


class Lstm:
    """The model `lstm` for one member."""

    def __init__(self) -> None:
        """Start with nothing learnt."""
        self._many = LstmMany()

    @property
    def notes(self) -> list[str]:
        """What happened to the saved weights: `warm_start`, `model_retrained: ...`."""
        return self._many.notes

    @property
    def epochs(self) -> int:
        """Epochs that the last fit trained."""
        return self._many.epochs

    def fit(self, y: "Floats", context: Context) -> Self:
        """Learn from y: shape (t,), oldest first, evenly spaced, finite; `context.options["horizon"]` is forecast in one go.

        Raises:
            ConfigError: an option is wrong.
            DataError: y is too short, or its values overflow.
        """
        self._many = LstmMany().fit_many([y], [context])
        self._y = y
        return self

    def predict(self, h: int) -> "Floats":
        """Extend y by h >= 1 steps: shape (h,), unit of y.

        Raises:
            InvariantError: the forecast is not finite.
        """
        return self._many.predict_after(self._y, h)

    def predict_parts(self, h: int) -> "dict[str, Floats]":
        """Trend, season and rest that `predict` adds."""
        return self._many.parts_after(self._y, h)

    def predict_after(self, y: "Floats", h: int) -> "Floats":
        """Extend a longer history than the one of `fit` by h steps, without learning anew: shape (h,)."""
        return self._many.predict_after(y, h)
