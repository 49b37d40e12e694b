"""JSON schemas for kubeconform, strict at every level.

Made from Kubernetes' own OpenAPI document and Argo's full CRDs.
"""

import json
from pathlib import Path
from typing import Any

import yaml

KINDS = {
    "persistentvolumeclaim-v1": "io.k8s.api.core.v1.PersistentVolumeClaim",
    "serviceaccount-v1": "io.k8s.api.core.v1.ServiceAccount",
    "secret-v1": "io.k8s.api.core.v1.Secret",
    "role-rbac-v1": "io.k8s.api.rbac.v1.Role",
    "rolebinding-rbac-v1": "io.k8s.api.rbac.v1.RoleBinding",
    "cronjob-batch-v1": "io.k8s.api.batch.v1.CronJob",
    "configmap-v1": "io.k8s.api.core.v1.ConfigMap",
    "deployment-apps-v1": "io.k8s.api.apps.v1.Deployment",
    "poddisruptionbudget-policy-v1": "io.k8s.api.policy.v1.PodDisruptionBudget",
    "service-v1": "io.k8s.api.core.v1.Service",
    "networkpolicy-networking-v1": "io.k8s.api.networking.v1.NetworkPolicy",
}
TEXT_OR_NUMBER = ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "io.k8s.apimachinery.pkg.api.resource.Quantity")


def write_schemas(folder: Path, openapi: Path | None, crds: Path) -> None:
    """Write a schema per kind; Kubernetes' own only where its document is given."""
    if openapi is not None:
        definitions = json.loads(openapi.read_text())["definitions"]
        for file, name in KINDS.items():
            (folder / f"{file}.json").write_text(json.dumps(resolved(definitions, name)))
    for kind in ("workflowtemplates", "cronworkflows"):
        path = crds / f"argoproj.io_{kind}.yaml"
        crd = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        version = crd["spec"]["versions"][0]
        name = f"{crd['spec']['names']['kind'].lower()}-argoproj-{version['name']}"
        (folder / f"{name}.json").write_text(json.dumps(strict(version["schema"]["openAPIV3Schema"])))


def resolved(definitions: dict[str, Any], name: str) -> Any:
    """One kind of Kubernetes with everything it refers to."""
    if name in TEXT_OR_NUMBER:
        return {"type": ["string", "integer", "number"]}

    def walk(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return resolved(definitions, part["$ref"].removeprefix("#/definitions/"))
            return {key: walk(item) for key, item in part.items()}
        return part

    return strict(walk(definitions[name]))


def strict(part: Any) -> Any:
    """A schema that refuses fields it does not know, at every level."""
    if not isinstance(part, dict):
        return part
    if part.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    made = {
        key: ({name: strict(item) for name, item in value.items()} if key == "properties" else strict(value))
        for key, value in part.items()
    }
    if (
        "properties" in made
        and "additionalProperties" not in made
        and not made.get("x-kubernetes-preserve-unknown-fields")
    ):
        made["additionalProperties"] = False
    if made.get("properties", {}).get("metadata") == {"type": "object"}:
        made["properties"]["metadata"] = {"type": "object"}  # a CRD leaves it to Kubernetes
    made.pop("format", None)  # formats of numbers that kubeconform does not know
    return made
