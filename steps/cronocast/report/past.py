"""How a member was judged, as HTML: why its class, and how good its models were on the past."""

from cronocast.charts import words
from cronocast.charts.html import error_bar
from cronocast.charts.svg import safe
from cronocast.handoff.profile import Profile
from cronocast.report import sentences
from cronocast.report.model import MemberView
from cronocast.report.scene import Scene
from cronocast.report.scores import BacktestView, Score


def class_evidence(member: MemberView, scene: Scene) -> str:
    """Why the member has its class, with the numbers behind."""
    profile = member.profile
    if profile is None:
        return '<section class="evidence"><h3>Why this class</h3><p>There is no profile for this member.</p></section>'
    facts = [
        ("repeats every", sentences.periods(member) or "none found"),
        ("values", f"{profile.points:,}, one per {words.length(profile.step_ns)}"),
        ("missing or excluded", _gaps(profile)),
        ("changes of level or slope", _changes(profile, scene)),
    ]
    facts += [("noted", ", ".join(note.replace("_", " ") for note in profile.notes))] if profile.notes else []
    numbers = [(name.replace("_", " "), words.evidence_number(value)) for name, value in profile.evidence.items()]
    behind = f"<details><summary>The numbers behind it</summary>{_facts(numbers)}</details>" if numbers else ""
    title = f"Why {profile.series_class.replace('_', ' ')}"
    why = safe(words.sentence(profile.why))
    return f'<section class="evidence"><h3>{safe(title)}</h3><p>{why}</p>{_facts(facts)}{behind}</section>'


def _gaps(profile: Profile) -> str:
    """How many values are missing, and in how long a stretch at most."""
    gaps = profile.gaps
    steps = f"{gaps.missing:,} of {profile.points + gaps.missing:,} steps"
    return f"{steps} ({words.percent(gaps.share)}), longest {gaps.longest:,}" if gaps.missing else "none"


def _changes(profile: Profile, scene: Scene) -> str:
    """The newest changes with their times, and how many came before."""
    changes = [words.clock(t, scene.zone, year=True) for t in profile.change_points_ns]
    return ", ".join(changes[-3:]) + (f" and {len(changes) - 3} earlier" if len(changes) > 3 else "") or "none"


def _facts(rows: list[tuple[str, str]]) -> str:
    return f'<dl class="facts">{"".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in rows)}</dl>'


def past_section(member: MemberView, scene: Scene) -> str:
    """How the models did on held-out values."""
    test = member.backtest
    if test is None or not (test.scores or test.mase is not None):
        why = "There was no backtest: the history is too short, or no forecast was made."
        return f'<section class="past"><h3>Backtest</h3><p>{why}</p></section>'
    said = "; ".join(filter(None, (sentences.error_sentence(member), sentences.coverage_sentence(test, scene.level))))
    tried = f"At {words.counted(test.origins, 'forecast origin')}: {said}" if test.origins else said
    intro = f"<p>{safe(tried[:1].upper() + tried[1:])}.</p>" if said else ""
    rest = "".join(
        f'<p class="soft">{safe(name)} failed in the backtest: {safe(why)}</p>' for name, why in test.failed.items()
    )
    rest += (
        f'<p class="soft">Not tried, since the CPU budget was used up: {safe(", ".join(test.not_tried))}.</p>'
        if test.not_tried
        else ""
    )
    return f'<section class="past"><h3>Backtest</h3>{intro}{_scores(member, test)}{rest}</section>'


def _chosen_models(label: str) -> set[str]:
    """The models that a label such as `median(theta,linear)` stands for."""
    inner = label.partition("(")[2].removesuffix(")")
    return set(inner.split(",")) if inner else {label}


def _scores(member: MemberView, test: BacktestView) -> str:
    used = _chosen_models(member.model)
    alone = len(used) == 1
    mark = "chosen used" if alone else "used"
    rows = [(s, s.model.replace("_", " "), mark if s.model in used else "") for s in test.scores]
    if not alone:
        rows.insert(0, (Score(member.model, test.ratio, test.mase), f"median of {len(used)}", "chosen used"))
    if not rows:
        return ""
    extra = any(score.smape is not None for score, _, _ in rows)
    head = (
        '<th>Model</th><th><span class="vh">Picture</span></th><th class="n">Error / naive</th><th class="n'
        ' wide-only">MASE</th>'
    )
    head += '<th class="n wide-only">sMAPE, %</th>' if extra else ""
    body = "".join(_score(score, name, cls, extra=extra) for score, name, cls in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _score(score: Score, name: str, cls: str, *, extra: bool) -> str:
    shown = f"{name}, chosen" if "chosen" in cls else name
    cells = (
        f'<td>{safe(shown)}</td><td>{error_bar(score.ratio)}</td><td class="n">{_two(score.ratio)}</td><td class="n'
        f' wide-only">{_two(score.mase)}</td>'
    )
    cells += f'<td class="n wide-only">{words.number(score.smape, 10)}</td>' if extra else ""
    return f'<tr class="{cls}">{cells}</tr>'


def _two(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:.2g}"
