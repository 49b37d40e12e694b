"""The API server as a pod sees it: address and account are what Kubernetes gives every pod."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cronocast.errors import AccessError, ConfigError, RefusedError, TemporaryError, seen

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = (5, 30)


class InCluster:
    """Argo's objects in the namespace of this pod, with the rights of its account."""

    def __init__(self, account: Path = ACCOUNT) -> None:
        """Read who we are.

        Raises:
            ConfigError: this is no pod, or its account has no token here.
        """
        import requests

        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        try:
            namespace, token = ((account / name).read_text().strip() for name in ("namespace", "token"))
        except OSError as error:
            raise ConfigError.one(
                "E_CLUSTER", str(account), "no account of a pod here; run this in the cluster"
            ) from error
        if not host:
            raise ConfigError.one("E_CLUSTER", "KUBERNETES_SERVICE_HOST", "not set; run this in the cluster")
        self._base = (
            f"https://{f'[{host}]' if ':' in host else host}:{port}/apis/argoproj.io/v1alpha1/namespaces/{namespace}"
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(account / "ca.crt")
        self._session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Ask; a body is merged into the object.

        Raises:
            CronocastError: no answer, or another one than success. An object that is gone meanwhile is {}.
        """
        import requests

        try:
            answer = self._session.request(
                method,
                f"{self._base}/{path}",
                json=body,
                headers={"Content-Type": "application/merge-patch+json"} if body else None,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise TemporaryError(
                "E_CLUSTER", self._base, f"no answer: {type(error).__name__}; it is asked again"
            ) from error
        if answer.status_code == 404 and method == "PATCH":
            return {}
        if answer.ok:
            return answer.json()  # type: ignore[no-any-return]
        said = f"{method} {path.partition('?')[0]} is answered with {answer.status_code}: {seen(answer.text[:200])}"
        if answer.status_code in (401, 403):
            raise AccessError("E_CLUSTER", self._base, f"{said}; the account may not do this")
        fault = TemporaryError if answer.status_code == 429 or answer.status_code >= 500 else RefusedError
        raise fault("E_CLUSTER", self._base, f"{said}; look at the API server")
