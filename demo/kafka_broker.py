"""One Kafka broker on this machine, with what Maven Central has; it never outlives this process."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from demo.influxd import die_with_parent, free_port

POMS = Path(__file__).parent / "kafka"
CACHE = Path.home() / ".cache/cronocast/kafka"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
MAIN = "kafka.Kafka"
FORMAT = "kafka.tools.StorageTool"
CLUSTER = "cronocastDemoKafkaAAAA"  # an id of 16 bytes in base64
START_S = 90


class NoKafkaError(Exception):
    """Kafka can't be had here; the message says what to install."""


def jars(name: str) -> Path:
    """The folder with the jars of `kafka/NAME.xml`, downloaded by Maven the first time.

    Raises:
        NoKafkaError: Java or Maven is missing, or the download failed.
    """
    if lacking := [program for program in ("java", "mvn") if shutil.which(program) is None]:
        sentence = f"this demo needs Java 17 or newer and Maven; missing: {', '.join(lacking)}"
        raise NoKafkaError(f"{sentence} (Debian: apt-get install openjdk-17-jre-headless maven)")
    pom, folder = POMS / f"{name}.xml", CACHE / name
    if (folder / pom.name).exists() and (folder / pom.name).read_bytes() == pom.read_bytes():
        return folder
    making = CACHE / f"{name}.{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    words = ["mvn", "-q", "-B", "-f", str(pom), COPY, "-DincludeScope=runtime", f"-DoutputDirectory={making}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoKafkaError(f"Maven could not download {name}: {done.stdout.strip()[-500:]}")
    shutil.copy(pom, making)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return folder


class Broker:
    """A broker on 127.0.0.1; its data lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._controller = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it on its port with what its folder holds.

        Raises:
            NoKafkaError: it can't be had, or does not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "server.properties"
        level = "-Dorg.apache.logging.log4j.level=INFO"  # the log tells when it has started
        java = ["java", "-Xmx384m", "-XX:+UseSerialGC", level, "-cp", f"{jars('broker')}/*"]
        if not path.exists():
            path.write_text(self._settings())
            words = [*java, FORMAT, "format", "-t", CLUSTER, "-c", str(path)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NoKafkaError(f"Kafka can't prepare its folder: {(done.stderr or done.stdout).strip()[-500:]}")
        with (self.folder / "kafka.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*java, MAIN, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - calls prctl only
            )
        atexit.register(self.stop)
        self._await()

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        atexit.unregister(self.stop)

    def _settings(self) -> str:
        listeners = f"PLAINTEXT://{self.servers},CONTROLLER://127.0.0.1:{self._controller}"
        given = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": listeners,
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
        }
        return "".join(f"{key}={value}\n" for key, value in given.items())

    def _await(self) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                break
            if "Kafka Server started" in (self.folder / "kafka.log").read_text(errors="replace"):
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            time.sleep(0.2)
        self.stop()
        raise NoKafkaError(f"Kafka did not start; its log is {self.folder / 'kafka.log'}")
