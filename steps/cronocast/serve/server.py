"""The server of `cronocast serve`: address, signals, and how it ends."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from cronocast.console import say
from cronocast.errors import ConfigError, Terminated

GRACE_S = 2  # that answers under way may take after SIGTERM: with the runs that end then it stays under ten seconds
IDLE_S = 75  # longer than Prometheus' usual intervals, so that it keeps its connection
MOST_CONNECTIONS = 200


def bound(listen: str) -> socket.socket:
    """A socket on HOST:PORT; port 0 takes any.

    Raises:
        ConfigError: it is no such text, or nothing can listen there.
    """
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ConfigError.one(
            "E_LISTEN", "--listen", f"{listen!r} is no address; allowed: HOST:PORT, such as 127.0.0.1:9108 or [::]:9108"
        )
    try:
        return socket.create_server(
            (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128
        )
    except OSError as error:
        fault = os.strerror(error.errno) if error.errno else error
        said = f"can't listen on {listen}: {fault}; name an address of this machine and a free port"
        raise ConfigError.one("E_LISTEN", "--listen", said) from error


class _Server(uvicorn.Server):
    """Ends when told; how the process ends is the command's to say."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield


def serve(app: FastAPI, listener: socket.socket) -> int:
    """Answer until SIGTERM or Ctrl-C; returns the exit code."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=IDLE_S,
        limit_concurrency=MOST_CONNECTIONS,
    )
    server = _Server(config)
    ended: list[int] = []

    def end(signum: int) -> None:
        ended.append(signum)
        server.should_exit = True

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, end, signum)
        await server.serve(sockets=[listener])

    host, port = listener.getsockname()[:2]
    say(f"serve: http://{f'[{host}]' if ':' in host else host}:{port}/metrics")
    asyncio.run(run())
    say("serve: ended")
    return Terminated.exit_code if signal.SIGTERM in ended else 0
