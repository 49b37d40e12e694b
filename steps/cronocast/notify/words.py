"""Messages as plain words, which every notifier for people shows in its own form."""

from collections.abc import Sequence

from cronocast.durations import stamp
from cronocast.notify.message import FIRING, RESOLVED, Message


def line(text: str, longest: int = 200) -> str:
    """One line without control characters, cut."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "\u2026"


def heading(message: Message) -> str:
    """What happened, in one line."""
    word = "RESOLVED" if message.status == RESOLVED else message.severity.upper()
    return line(f"{word}: {message.title}")


def place(message: Message) -> str:
    """Which series and member it is about."""
    return line(" ".join(part for part in (message.series, message.member) if part), 300)


def summary(messages: Sequence[Message]) -> str:
    """All messages in one line: the only one, or how many."""
    if len(messages) == 1:
        return line(f"{heading(messages[0])} ({messages[0].series})", 150)
    firing = sum(message.status == FIRING for message in messages)
    series = sorted({message.series for message in messages})
    names = series[0] if len(series) == 1 else f"{len(series)} series"
    counts = [f"{firing} firing"] * (firing > 0) + [f"{len(messages) - firing} resolved"] * (firing < len(messages))
    return line(f"{', '.join(counts)}: {names}", 150)


def paragraphs(message: Message) -> list[str]:
    """A message as lines of plain text."""
    facts = [f"{line(name, 60)}: {line(value, 300)}" for name, value in message.fields]
    ended = f", until {stamp(message.ends_ns)}" if message.status == RESOLVED else ""
    since = f"Since {stamp(message.starts_ns)}{ended}"
    return [
        part
        for part in (heading(message), place(message), line(message.text, 1000), *facts, since, message.link)
        if part
    ]
