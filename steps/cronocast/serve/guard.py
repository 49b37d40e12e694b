"""Who asks, whether they may, how often, and with how large a body."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cronocast.document.entry import MAX_ENTRY_BYTES, read_entry_text
from cronocast.serve.answers import Refused, problem
from cronocast.serve.tokens import Caller, Rate, Tokens

STRANGERS_A_MINUTE = 30  # requests of one address without a token that is known


@dataclass(frozen=True)
class Guard:
    """What stands before every route.

    Attributes:
        tokens: Who is known.
        rate: How often each may ask.
        strangers: How often an address may ask that nobody knows.
    """

    tokens: Tokens
    rate: Rate
    strangers: Rate

    def may(self, scope: str) -> Callable[..., Caller]:
        """A dependency: the caller, who may do what the scope says."""

        def caller(
            request: Request,
            credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
        ) -> Caller:
            found = self.tokens.caller(credentials.credentials) if credentials else None
            if found is None:
                self._count(self.strangers, address_of(request))
                said = "give a token of this server as Authorization: Bearer TOKEN"
                raise Refused(problem(401, said, headers={"WWW-Authenticate": "Bearer"}))
            request.state.caller = found
            self._count(self.rate, found.name)
            if scope not in found.scopes:
                raise Refused(problem(403, f"the token {found.name} has no scope {scope}"))
            return found

        return caller

    @staticmethod
    def _count(rate: Rate, name: str) -> None:
        wait_s = rate.wait_s(name)
        if wait_s:
            said = f"try again in {wait_s:.0f} s" if wait_s >= 1 else "try again in a second"
            raise Refused(problem(429, said, headers={"Retry-After": str(max(1, round(wait_s)))}))


def address_of(request: Request) -> str:
    """The address that a request came from."""
    return request.client.host if request.client else ""


async def body_of(request: Request) -> bytes:
    """The body of a request, at most as large as an entry may be.

    Raises:
        Refused: it is larger.
    """
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > MAX_ENTRY_BYTES:
            raise Refused(problem(413, f"more than {MAX_ENTRY_BYTES} bytes"))
    return body


def document_of(request: Request, body: bytes) -> Any:  # noqa: ANN401 - untrusted data
    """The document of a body.

    Raises:
        Refused: it is not said to be JSON.
        ConfigError: it is none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(problem(415, "say Content-Type: application/json"))
    return read_entry_text(body.decode("utf-8", "surrogateescape"), "")
