"""Puts the certificates of authorities, which botocore has in one file, into a folder of one file each.

urllib3 reads what it trusts anew for each connection: a file of 127 certificates takes 13 ms of CPU time, and of a
folder OpenSSL reads only the authority that has signed (SSL_CTX_load_verify_locations(3): files are named by the hash
of the subject). The same authorities are trusted.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def split(packages: Path) -> None:
    """Replace botocore/cacert.pem by the folder botocore/cacert (`lean` makes botocore use it)."""
    file = packages / "botocore" / "cacert.pem"
    write(_CERTIFICATE.findall(file.read_bytes()), file.with_suffix(""))
    file.unlink()


def write(certificates: list[bytes], folder: Path) -> None:
    """Write these certificates (PEM) under the names by which OpenSSL looks for them."""
    from OpenSSL.crypto import FILETYPE_PEM, load_certificate

    folder.mkdir()
    of_name: Counter[int] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots have serial numbers that are no longer allowed
        for each in certificates:
            name = load_certificate(FILETYPE_PEM, each).subject_name_hash()
            (folder / f"{name:08x}.{of_name[name]}").write_bytes(each)
            of_name[name] += 1
