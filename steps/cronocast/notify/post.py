"""What notifiers over HTTP share: an address that may be a secret, one request after the other, what became of each."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from cronocast.errors import AccessError, ConfigError, ContractError, CronocastError, RefusedError
from cronocast.http.client import ERROR_BYTES, Client
from cronocast.http.secrets import named_secret
from cronocast.notify.message import Message
from cronocast.notify.table import RETRY, SENT, Delivery, failed
from cronocast.settings import rules

if TYPE_CHECKING:
    import requests

    from cronocast.notify.settings import Alertmanager, Hook, PagerDuty

    Reach = Hook | PagerDuty | Alertmanager

ANY_STATUS = frozenset(range(100, 600))
SHORTEST_PART = 6  # of an address that is masked by itself: shorter ones are words such as v1
UNTOLD = "not tried: a request before it failed"
Say = Callable[[str], None]


class Request(NamedTuple):
    """One request and the messages that it carries."""

    messages: tuple[Message, ...]
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Post:
    """Sends requests to one address; no text that leaves it has a secret in it.

    Args:
        client: Of the server.
        path: After the client's address, with its query.
        secrets: What is masked.
        taken: Whether an answer of status 2xx is that of the service.
    """

    def __init__(
        self, client: Client, path: str, secrets: Iterable[str], taken: Callable[[bytes], bool] = lambda _: True
    ) -> None:
        """Take what is described above."""
        self._client, self._path, self._taken = client, path, taken
        self.status = 0  # of the newest answer
        self._secrets = sorted(set(secrets), key=len, reverse=True)
        say = client.say
        client.say = lambda line: say(self.masked(line))

    def masked(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def send(self, request: Request) -> None:
        """Send one request, again where that may help.

        Raises:
            CronocastError: as `Client.send`.
        """
        headers = {"Content-Type": request.content_type, **dict(request.headers)}
        try:
            self._client.send(
                "POST", self._path, accept=ANY_STATUS, consume=self._judge, body=request.body, headers=headers
            )
        except CronocastError as error:
            error.problem = self.masked(error.problem)
            error.args = (self.masked(str(error)),)
            raise

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()

    def _judge(self, response: "requests.Response") -> None:
        """Raise what an answer stands for, if it is not that of a service that took the request."""
        from urllib3.exceptions import HTTPError

        self.status = response.status_code
        try:
            body = response.raw.read(ERROR_BYTES, decode_content=False)
        except HTTPError:
            if response.ok and response.status_code < 300:
                return  # it was taken: to send it again would be a second message
            raise
        text = self.masked(body.decode("utf-8", "replace")).encode()
        good = 200 <= response.status_code < 300
        page = "text/html" in response.headers.get("Content-Type", "") or body.lstrip()[:1] == b"<"
        if not good or page or not self._taken(body):
            raise _fault(response.status_code, response.headers.get("Retry-After", ""), text, self._client.where)


def _fault(status: int, after: str, body: bytes, where: str) -> CronocastError:
    """The error that an answer stands for; its body has no secrets any more."""
    from cronocast.http.faults import RetryableError, excerpt, retry_after

    said = f"status {status}, {excerpt(body)}"
    if status in (401, 403):
        return AccessError("E_AUTH", where, f"{said}; the address or the key is not valid any more, make a new one")
    if status in (408, 425, 429) or status >= 500:
        return RetryableError("E_BUSY" if status < 500 else "E_SERVER", where, said, wait_s=retry_after(after))
    if status >= 400:
        return RefusedError("E_REFUSED", where, f"{said}; the service refuses this request permanently")
    return ContractError("E_HTTP_STATUS", where, f"{said}; not the answer of that service, is the address right?")


def post_all(post: Post, requests: Iterable[Request]) -> list[Delivery]:
    """Send one request after the other, and say of each message what became of it.

    After one that might have succeeded at another time the rest is not tried: each would wait as long again. Nor is it
    after one that was let in no more.
    """
    found, fault = list[Delivery](), None
    try:
        for request in requests:
            if isinstance(fault, AccessError):
                found += failed(request.messages, fault)
                continue
            if fault is not None:
                found += [Delivery(message, RETRY, UNTOLD) for message in request.messages]
                continue
            try:
                post.send(request)
                found += [Delivery(message, SENT) for message in request.messages]
            except CronocastError as error:
                found += failed(request.messages, error)
                fault = None if isinstance(error, RefusedError) else error
    finally:
        post.close()
    return found


def hook(settings: "Hook", role: str, say: Say, taken: Callable[[bytes], bool] = lambda _: True) -> Post:
    """The place of an address that is a secret.

    Raises:
        ConfigError: the file or the variable with the address is missing, or the address can't be used.
    """
    url = named_secret("url", settings.url_file, role)
    check_address(url, settings, f"{role}.url_file")
    parts = urlsplit(url)
    path = url.split(parts.netloc, 1)[1]
    client = client_to(f"{parts.scheme}://{parts.netloc}", settings, say)
    return Post(client, path or "/", secrets_of(url), taken)


def client_to(address: str, settings: "Reach", say: Say) -> Client:
    """A client of a server that needs no sign-in of HTTP."""
    seconds = (settings.timeout / 10**9, settings.retry_for / 10**9)
    return Client(address, ca_file=settings.ca_file, timeout_s=seconds[0], retry_for_s=seconds[1], say=say)


def check_address(url: str, settings: "Reach", where: str) -> None:
    """Refuse an address that can't be used, or that the settings do not allow. It may be a secret: only its host shows.

    Raises:
        ConfigError: E_URL..., with what would be right.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
    right = "allowed: https://HOST[:PORT]/..., no user name and no white space in it"
    if not host or port == 0 or "@" in parts.netloc or parts.fragment or any(c.isspace() for c in url):
        raise ConfigError.one("E_URL", where, f"holds no address that can be used; {right}")
    if parts.scheme not in ("http", "https") or (settings.require_tls and parts.scheme != "https"):
        raise ConfigError.one("E_URL_SCHEME", where, "the address is not https; name one that is, or set require_tls")
    if wrong := rules.host_fault(host):
        raise ConfigError.one("E_URL_HOST", where, f"the host {wrong}")
    if settings.allowed_hosts and host not in settings.allowed_hosts:
        raise ConfigError.one("E_URL_HOST", where, f"host {host} is not in allowed_hosts")


def secrets_of(url: str) -> set[str]:
    """The texts to mask of an address that is a secret: path and query, whole and in parts, quoted and not."""
    parts = urlsplit(url)
    whole = {parts.path, parts.query, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))}
    return {text for one in whole for text in (one, unquote(one)) if len(text) >= SHORTEST_PART}


def as_json(document: object) -> bytes:
    """A document as it is sent; what is no character, as some names hold, becomes a question mark."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def texts(requests: Iterable[Request]) -> list[str]:
    """The bodies of requests, for a dry run."""
    return [request.body.decode() for request in requests]


def cut(messages: Sequence[Message], most: int) -> tuple[Sequence[Message], str]:
    """The messages that are shown, and a sentence about the others ("" where there are none)."""
    more = len(messages) - most
    return (messages, "") if more <= 0 else (messages[:most], f"and {more} more")
