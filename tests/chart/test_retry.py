"""What Argo repeats is what the table of exit codes in DESIGN section 9 says.

The rendered expression is evaluated for every code and status.
"""

import re
from itertools import product
from typing import Any

import pytest

from cronocast import errors
from cronocast.chain.table import STEPS as TABLE_OF_STEPS
from cronocast.images import PODS
from tests.chart.rendering import IDS, SCENARIOS, containers, kind, scenario

# code -> repeated. 64 and 65 are Argo's own; 137 is repeated once, and not where memory ran out.
TABLE = {
    1: False,
    2: False,
    64: True,
    65: True,
    66: False,
    69: False,
    70: False,
    74: True,
    75: True,
    76: False,
    77: False,
    78: False,
    130: False,
    143: True,
}
ALONE = ("extract", "forecast", "forecast-lstm", "forecast-stats", "forecast-darts", "select", "record")
SEVERAL = ("classify", "load", "chain")  # pods of several containers
STEPS = (*ALONE, *SEVERAL)


def templates() -> dict[str, Any]:
    """The templates that become pods, by name."""
    sample = scenario(SCENARIOS[IDS.index("sample")])
    return {t["name"]: t for t in kind(sample, "WorkflowTemplate")[0]["spec"]["templates"] if containers(t)}


def repeated(
    template: str,
    code: int,
    status: str = "Failed",
    retries: int = 0,
    reason: str = "Error",
    message: str | None = None,
) -> bool:
    """Evaluate a template's expression as Argo does, for an attempt that ended so.

    Where a pod has a message of its own, Argo reports that alone.
    """
    expression = templates()[template]["retryStrategy"]["expression"]
    container = "1-load" if template in SEVERAL else "main"
    message = (
        f"{container}: {reason} (exit code {code}): error: E_NAME x: 75 or exit code 75 in what the server said"
        if message is None
        else message
    )
    known: dict[str, Any] = {
        "lastRetry.status": status,
        "lastRetry.message": message,
        "lastRetry.exitCode": "-1" if template in SEVERAL else str(code),
        "retries": str(retries),
    }
    python = re.sub(r"(lastRetry\.\w+|retries)\b", lambda m: f"known[{m[1]!r}]", expression)
    python = python.replace("||", " or ").replace("&&", " and ").replace("!(", "not (").replace("asInt(", "int(")
    python = re.sub(r"(known\[[^]]+\]) matches ('[^']*')", r"bool(re.search(\2, \1))", python)
    return bool(eval(" ".join(python.split()), {"re": re, "known": known}))


@pytest.mark.parametrize(("template", "code"), list(product(STEPS, TABLE)))
def test_the_exit_code_decides(template: str, code: int) -> None:
    assert repeated(template, code) is TABLE[code]


@pytest.mark.parametrize("template", STEPS)
def test_a_killed_attempt_is_repeated_once_unless_memory_ran_out(template: str) -> None:
    assert [repeated(template, 137, retries=i) for i in range(3)] == [True, False, False]
    assert not repeated(template, 137, reason="OOMKilled")


@pytest.mark.parametrize("template", ALONE)
@pytest.mark.parametrize("code", [-1, 0])
def test_a_pod_that_failed_without_its_program_is_repeated_once(template: str, code: int) -> None:
    """Refused by a node, ended before its program began, or after it was done: Argo then tells no code, or 0."""
    assert [
        repeated(template, code, retries=i, message="Pod was rejected: UnexpectedAdmissionError") for i in range(3)
    ] == [True, False, False]


# What Kubernetes says of a pod that it ended.
ENDED = (
    "Pod was terminated in response to imminent node shutdown.",
    (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi. Container 3-forecast was"
        " using 1Gi, request is 512Mi"
    ),
    "Preempted in order to admit critical pod",
    "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
    "",
)


@pytest.mark.parametrize("message", ENDED)
def test_one_pod_that_kubernetes_ended_is_repeated_once_as_a_killed_one_is(message: str) -> None:
    assert [repeated("chain", -1, retries=i, message=message) for i in range(3)] == [True, False, False]


# Argo's message of one pod -> repeated; the first container that failed is named.
SAID = {
    "1-extract: Error (exit code 77): error: E_AUTH http://h: The node was low on resource": False,
    "main: Error (exit code 1)": False,
    "2-classify: Error (exit code 75): error: E_LOCK x: Pod was terminated": True,
    "3-forecast: OOMKilled (exit code 137)": False,
    "main: Error (exit code 137)": True,
    "OOMKilled": False,
}


@pytest.mark.parametrize(("message", "expected"), SAID.items())
def test_a_container_that_failed_speaks_for_one_pod(message: str, expected: bool) -> None:
    assert repeated("chain", -1, message=message) is expected


@pytest.mark.parametrize(("template", "code"), list(product(STEPS, [0, 1, 64, 66, 77, 78, 137])))
def test_what_argo_could_not_run_is_repeated_whatever_the_code(template: str, code: int) -> None:
    assert repeated(template, code, status="Error", retries=2)


def test_the_table_has_every_code_of_the_program() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.CronocastError) and "exit_code" in vars(value)
    ]
    assert {c.exit_code for c in classes} <= TABLE.keys()
    assert {c.exit_code for c in classes if TABLE[c.exit_code]} == {
        errors.StorageError.exit_code,
        errors.TemporaryError.exit_code,
        errors.Terminated.exit_code,
    }


def test_the_wait_grows_from_a_start_of_the_series_own_and_ends_no_attempt() -> None:
    for template in templates().values():
        strategy = template["retryStrategy"]
        assert strategy["retryPolicy"] == "Always"
        assert strategy["backoff"] == {
            "duration": "{{workflow.parameters.retry-seconds}}",
            "factor": "2",
            "cap": "300s",
        }
    for cron in kind(scenario(SCENARIOS[IDS.index("names")]), "CronWorkflow"):
        waits = {p["name"]: p["value"] for p in cron["spec"]["workflowSpec"]["arguments"]["parameters"]}
        assert 20 <= int(waits["retry-seconds"]) < 40


def test_each_container_of_a_pod_with_several_ends_itself_at_the_deadline_of_its_step() -> None:
    """Kubernetes bounds the whole pod only: without, a step that hangs would use up the time of the whole run."""
    for template in templates().values():
        found = [(c["args"][0], {e["name"]: e.get("value") for e in c["env"]}) for c in containers(template)]
        several = len(found) > 1
        assert all(("CRONOCAST_DEADLINE" in env) is several for _, env in found)
        for step, env in found if several else ():
            assert int(env["CRONOCAST_DEADLINE"] or 0) == PODS[TABLE_OF_STEPS[step].pod].deadline_s
