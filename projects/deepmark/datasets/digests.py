# SPDX-License-Identifier: Apache-2.0
"""Short digests (BLAKE2, 16 bytes) of files and texts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from pathlib import Path

DIGEST_BYTES = 16


def digest_of(data: bytes) -> bytes:
    """Digest of bytes."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def digest_of_texts(texts: Iterable[str]) -> str:
    """One digest, as text, of several texts that hold no NUL, file names among them."""
    return digest_of('\0'.join(texts).encode('utf-8', 'surrogateescape')).hex()


def digest_of_file(path: str | os.PathLike[str]) -> bytes:
    """Digest of the content of a file; zeros when it cannot be read."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    try:
        with Path(path).open('rb') as file:
            for block in iter(partial(file.read, 2**20), b''):
                digest.update(block)
    except OSError:
        return bytes(DIGEST_BYTES)
    return digest.digest()
