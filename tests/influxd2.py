"""A real InfluxDB 2.x of one's own, with the methods of `Influxd`: what is written for 1.x runs on it unchanged."""

import json
import secrets
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from demo.influxd import Account, Influxd

RIGHTS = {"admin": ("read", "write"), "reader": ("read",), "writer": ("write",)}
SECONDS = {"INF": 0, "1h": 3600}  # of a policy; an hour is the least that 2.x takes


class Influxd2(Influxd):
    """One server on 127.0.0.1; it never outlives this process.

    A database is what `influxd upgrade` leaves of one of 1.x: a bucket `name/policy` for each of its policies, and a
    mapping that says which of them is the default. The accounts are users of the endpoints of 1.x, with their rights on
    every bucket: rights can't be changed later.

    Args:
        program: The `influxd` to start.
        settings: As in the server's documentation, without the prefix `INFLUXD_`.

    Attributes:
        admin_token: May do everything.
    """

    ready = "/api/v2/setup"  # /ping answers long before this does

    def __init__(self, program: Path, settings: Mapping[str, str | int] | None = None) -> None:
        super().__init__(settings=settings)
        self.admin_token = secrets.token_urlsafe(24)
        self._influxd = program
        self._organization = ""
        self._buckets: dict[tuple[str, str], str] = {}  # database, policy -> id

    def create_database(self, name: str, *, readable: bool = True, writable: bool = True) -> None:
        """Create a bucket that is a database with the policy autogen, its default."""
        if not readable or not writable:
            raise NotImplementedError("the accounts have their rights on every bucket")
        self._create(name, "autogen", default=True)

    def create_policy(self, database: str, name: str, duration: str = "INF") -> None:
        """Create a bucket that is one more policy of a database."""
        self._create(database, name, duration)

    def drop_database(self, name: str) -> None:
        """Remove the buckets of a database; their mappings go with them."""
        for key in [key for key in self._buckets if key[0] == name]:
            self.api("DELETE", f"/api/v2/buckets/{self._buckets.pop(key)}")

    def create_bucket(self, name: str, duration: str = "INF") -> str:
        """Create a bucket without a mapping of its own; return its id."""
        rules = [{"type": "expire", "everySeconds": SECONDS[duration]}] if SECONDS[duration] else []
        made = self.api("POST", "/api/v2/buckets", orgID=self._organization, name=name, retentionRules=rules)
        return str(made["id"])

    def token(self, rights: str, bucket: str | None = None) -> str:
        """A token that may "read", "write" or "read write" one bucket, by its id, or every one."""
        made = self.api("POST", "/api/v2/authorizations", orgID=self._organization, **self._may(rights.split(), bucket))
        return str(made["token"])

    def bearer(self, account: Account) -> str:
        """There is none."""
        raise NotImplementedError("2.x takes no JSON web token")

    def api(self, method: str, path: str, **document: Any) -> dict[str, Any]:
        """Ask for something that only 2.x has."""
        headers = {"Authorization": f"Token {self.admin_token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(document).encode(), headers, method=method)
        with self._opener().open(request, timeout=60) as answer:
            made: dict[str, Any] = json.loads(answer.read() or "{}")
            return made

    def _create(self, database: str, policy: str, duration: str = "INF", *, default: bool = False) -> None:
        made = self._buckets[database, policy] = self.create_bucket(f"{database}/{policy}", duration)
        mapping = {"database": database, "retention_policy": policy, "default": default}
        self.api("POST", "/api/v2/dbrps", orgID=self._organization, bucketID=made, **mapping)

    def _may(self, rights: Iterable[str], bucket: str | None = None) -> dict[str, Any]:
        resource = {"type": "buckets", "orgID": self._organization} | ({"id": bucket} if bucket else {})
        return {"permissions": [{"action": right, "resource": resource} for right in rights]}

    def _set_up(self) -> None:
        own = {"org": "org", "bucket": "bucket", "username": "owner", "password": secrets.token_urlsafe(12)}
        self._organization = self.api("POST", "/api/v2/setup", **own, token=self.admin_token)["org"]["id"]
        for account in (self.admin, self.reader, self.writer):
            path = "/private/legacy/authorizations"
            rights = self._may(RIGHTS[account.name])
            made = self.api("POST", path, token=account.name, orgID=self._organization, **rights)
            self.api("POST", f"{path}/{made['id']}/password", password=account.password)

    def _program(self) -> list[str]:
        return [str(self._influxd), "--reporting-disabled"]  # it would call its maker

    def _environment(self) -> dict[str, str]:
        settings = {
            "CONFIG_PATH": str(self.folder),  # no configuration file of whoever runs this
            "HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "BOLT_PATH": str(self.folder / "bolt"),
            "SQLITE_PATH": str(self.folder / "sqlite"),
            "ENGINE_PATH": str(self.folder / "engine"),
        }
        return {f"INFLUXD_{name}": value for name, value in (settings | self.settings).items()}
