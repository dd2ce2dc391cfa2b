"""bcrypt by libxcrypt, with which Linux itself checks passwords (Amazon Linux 2023, Debian, Fedora)."""

from __future__ import annotations

from ctypes import CDLL, c_char_p, c_int, create_string_buffer
from functools import lru_cache
from typing import Any

_NAMES = ("libcrypt.so.2", "libcrypt.so.1")  # the second has the old interface as well, and is Debian's
_DATA_BYTES = 32_768  # struct crypt_data (crypt.h); libxcrypt clears what it writes there


def bcrypt(phrase: bytes, setting: bytes) -> bytes | None:
    """The bcrypt hash of a phrase without NUL; the setting is `$2b$`, cost and salt, or a whole hash.

    None where the library is missing or knows no bcrypt. Other threads run meanwhile.
    """
    library = _library()
    if library is None:
        return None
    data = create_string_buffer(_DATA_BYTES)
    hashed: bytes | None = library.crypt_rn(phrase, setting, data, _DATA_BYTES)
    return hashed


@lru_cache(maxsize=1)
def _library() -> Any:
    for name in _NAMES:
        try:
            library = CDLL(name)
            library.crypt_rn.argtypes = (c_char_p, c_char_p, c_char_p, c_int)
        except (OSError, AttributeError):  # not installed; another library, such as glibc's own libcrypt
            continue
        library.crypt_rn.restype = c_char_p
        return library
    return None
