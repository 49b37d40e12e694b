"""Throw-away certificates for tests of TLS, made with the openssl command."""

import ssl
import subprocess
import warnings
from pathlib import Path

EXTENSIONS = """
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash
[good]
subjectAltName=IP:127.0.0.1,DNS:localhost
authorityKeyIdentifier=keyid
[other]
subjectAltName=DNS:elsewhere.example
authorityKeyIdentifier=keyid
"""


class Certificates:
    """An authority (`ca`), and certificates for 127.0.0.1: good, stranger (another authority), other-host, expired."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "ext.cnf").write_text(EXTENSIONS)
        self.ca = self._authority("ca")
        self._authority("stranger-ca")
        self._signed("good", "ca", "good")
        self._signed("stranger", "stranger-ca", "good")
        self._signed("other-host", "ca", "other")
        self._signed("expired", "ca", "good", days="-1")

    def server(self, name: str, *, tls_1_0: bool = False) -> ssl.SSLContext:
        """What a server with one of the certificates needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls_1_0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        return context

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True)

    def _request(self, name: str) -> None:
        self._openssl(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )

    def _authority(self, name: str) -> Path:
        self._request(name)
        self._openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-signkey",
            f"{name}.key",
            "-days",
            "2",
            "-extfile",
            "ext.cnf",
            "-extensions",
            "ca",
            "-out",
            f"{name}.crt",
        )
        return self._folder / f"{name}.crt"

    def _signed(self, name: str, authority: str, extensions: str, days: str = "2") -> None:
        self._request(name)
        by = ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial"]
        self._openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            *by,
            "-days",
            days,
            "-extfile",
            "ext.cnf",
            "-extensions",
            extensions,
            "-out",
            f"{name}.crt",
        )
