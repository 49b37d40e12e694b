"""The setting `pods` of an entry: whether the chain runs as one pod on a cluster, and what speaks against it."""

from collections.abc import Iterator
from typing import Any

from cronocast.errors import Problem
from cronocast.models.rules import image_of

PODS = ("auto", "one", "many")


def pods_problems(data: dict[str, Any], where: str) -> Iterator[Problem]:
    """What can't run as one pod although the document says so; the chart's templates say the same."""
    if data.get("pods") != "one":
        return
    shards = data.get("shards")
    if isinstance(shards, int) and shards > 1:
        sentence = f"one although shards is {shards}, each of them a pod; allowed: auto or many, or shards: 1"
        yield Problem("E_CONFIG_CROSS", where, sentence)
    listed = data.get("candidates")
    for model in (data.get("model"), *(listed if isinstance(listed, list) else ())):
        if isinstance(model, str) and image_of(model) != "light":
            sentence = f"one although {model} is in another image than the light models; allowed: auto or many"
            yield Problem("E_CONFIG_CROSS", where, sentence)
