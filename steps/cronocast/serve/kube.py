"""What the API server of a cluster is asked: objects of one namespace, with the token of the pod's account."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from cronocast.errors import AccessError, ConfigError, ContractError, CronocastError, RefusedError, TemporaryError, seen

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ARGO = "/apis/argoproj.io/v1alpha1/namespaces"
TIMEOUT_S = 20.0
PAGE = 500  # objects of one answer


@dataclass(frozen=True)
class Kube:
    """The API server.

    Attributes:
        url: Its address.
        namespace: Where all objects are.
        token: File with the token, which Kubernetes renews; None where the certificate says who asks.
        ca: File with its authority.
        cert: Files of a client's certificate and key.
    """

    url: str
    namespace: str
    token: Path | None = None
    ca: Path | None = None
    cert: tuple[str, str] | None = None

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """One object; None where there is none."""
        return self._ask("GET", f"{kind}/{name}", missing=True)

    def create(self, kind: str, document: dict[str, Any]) -> None:
        """Make an object."""
        self._ask("POST", kind, document)

    def replace(self, kind: str, name: str, document: dict[str, Any]) -> None:
        """Put an object in the place of the one that `metadata.resourceVersion` names."""
        self._ask("PUT", f"{kind}/{name}", document)

    def delete(self, kind: str, name: str) -> None:
        """Remove an object; that it is gone already is fine."""
        self._ask("DELETE", f"{kind}/{name}", missing=True)

    def list(self, kind: str, labels: str) -> Iterator[dict[str, Any]]:
        """All objects with some labels."""
        token = ""
        while True:
            query = {"labelSelector": labels, "limit": str(PAGE), **({"continue": token} if token else {})}
            answer = self._ask("GET", kind, query=query) or {}
            yield from answer.get("items") or ()
            token = (answer.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def _ask(
        self,
        method: str,
        path: str,
        document: dict[str, Any] | None = None,
        *,
        query: dict[str, str] | None = None,
        missing: bool = False,
    ) -> dict[str, Any] | None:
        """One request.

        Raises:
            CronocastError: it is not answered as it should be.
        """
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.read_text().strip()}"
        session = requests.Session()
        session.trust_env = False  # a proxy of the environment is not for the API server
        try:
            answer = session.request(
                method, f"{self.url}{ARGO}/{self.namespace}/{path}", json=document, params=query, headers=headers,
                timeout=TIMEOUT_S, verify=str(self.ca) if self.ca else True, cert=self.cert, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise TemporaryError(
                "E_CONNECT", self.url, f"the API server does not answer: {type(error).__name__}"
            ) from error
        finally:
            session.close()
        if answer.status_code == 404 and missing:
            return None
        if not answer.ok:
            raise _error(answer.status_code, f"{method} {path}", answer.text)
        try:
            found = answer.json()
        except ValueError as error:
            raise ContractError("E_ANSWER", self.url, "the API server answered no JSON") from error
        return found if isinstance(found, dict) else {}


def in_cluster(namespace: str) -> Kube:
    """The API server of the cluster that this pod runs on.

    Raises:
        ConfigError: it runs on none.
    """
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    if not host or not (ACCOUNT / "token").exists():
        said = "this is no pod with an account of a cluster; leave it out to keep series in a folder"
        raise ConfigError.one("E_CLUSTER", "--cluster", said)
    shown = f"[{host}]" if ":" in host else host
    return Kube(f"https://{shown}:{port}", namespace, ACCOUNT / "token", ACCOUNT / "ca.crt")


def _error(status: int, what: str, text: str) -> CronocastError:
    said = f"{what}: status {status}, {seen(text)}"
    if status in (401, 403):
        return AccessError("E_ACCESS", "kubernetes", f"{said}; give the account the role that the chart makes")
    if status in (409, 429) or status >= 500:
        return TemporaryError("E_STATUS", "kubernetes", f"{said}; try again")
    return RefusedError("E_STATUS", "kubernetes", said)
