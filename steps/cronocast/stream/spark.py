"""A session of Spark, and what is needed for one: Java, and for topics the jars of the Kafka connector."""

import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from cronocast.errors import ConfigError, seen

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_JAVA = 17  # of Spark 4
CONNECTOR = "spark-sql-kafka-0-10_2.13"
MEMORY = "768m"  # of the driver's Java


def session(name: str, master: str, jars: str | None = None, *, topics: bool = False) -> "SparkSession":
    """Start Spark.

    Args:
        name: Of the application.
        master: Where it runs, such as local[*].
        jars: Folder with the connector's jars; None to have Spark fetch it from Maven Central.
        topics: Whether Kafka is read.

    Raises:
        ConfigError: Spark or Java is missing, or jars are of another version.
    """
    try:
        import pyspark
        from pyspark.sql import SparkSession
    except ImportError as error:
        sentence = "regimes need Spark: pip install 'cronocast[stream]'"
        raise ConfigError.one("E_MISSING_EXTRA", "regimes", sentence) from error
    check_java()
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")  # we use none of it
    builder = SparkSession.builder.appName(f"cronocast {name}").master(master)
    words = Path(__file__).with_name("log4j2.properties")
    options = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -Dlog4j2.configurationFile={words}",
        "spark.driver.memory": os.environ.get("CRONOCAST_SPARK_MEMORY", MEMORY),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
    }
    if topics:
        options |= connector(jars, pyspark.__version__)
    for key, value in options.items():
        builder = builder.config(key, value)
    found: SparkSession = builder.getOrCreate()
    return found


def connector(jars: str | None, version: str) -> dict[str, str]:
    """Options of Spark that bring its Kafka connector.

    Raises:
        ConfigError: the folder has none, or one for another version of Spark.
    """
    if jars is None:
        return {"spark.jars.packages": f"org.apache.spark:{CONNECTOR}:{version}"}
    found = sorted(Path(jars).glob("*.jar")) if Path(jars).is_dir() else []
    mine = [match[1] for path in found if (match := re.fullmatch(rf"{CONNECTOR}-(.+)\.jar", path.name))]
    right = f"allowed: a folder with {CONNECTOR}-{version}.jar and what it needs"
    if not mine:
        raise ConfigError.one("E_CONFIG_READ", "jars", f"{seen(jars)} holds no {CONNECTOR}; {right}")
    if version not in mine:
        raise ConfigError.one(
            "E_CONFIG_READ", "jars", f"{seen(jars)} is for Spark {mine[0]}, this is {version}; {right}"
        )
    return {"spark.jars": ",".join(map(str, found))}


def check_java() -> None:
    """Refuse to go on without a Java that Spark runs on.

    Raises:
        ConfigError: there is none, or an older one.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    where = "on PATH or by JAVA_HOME; on Debian: apt-get install openjdk-17-jre-headless"
    right = f"allowed: Java {LEAST_JAVA} or newer, {where}"
    if java is None or not Path(java).exists():
        raise ConfigError.one("E_MISSING_JAVA", "java", f"{'not found' if java is None else seen(java)}; {right}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    match = re.search(r'version "(\d+)', told)
    if not match or int(match[1]) < LEAST_JAVA:
        raise ConfigError.one("E_MISSING_JAVA", "java", f"{seen(told.splitlines()[0] if told else java)}; {right}")
