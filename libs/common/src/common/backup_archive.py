"""A backup's file: compressed, then encrypted in chunks, written and read as a stream.

1. a magic line, and a header that anybody may read: whose backup this is, and when it was made
2. chunks, each sealed with AES-256-GCM under a key of this file's own; a chunk's nonce is
   its number and whether it is the last: none can be missing, doubled, moved or cut off unnoticed
3. in them frames: what a table is called, its rows as PostgreSQL copies them, and an end
"""

import os
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import BinaryIO

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.problems import Invalid

MAGIC = b"cartulary backup 1\n"
CHUNK = 256 * 1024
LONGEST_HEADER = 16 * 1024
LEVEL = 1
"""Of compression: sealed data hardly shrink, and everything else does at once."""

_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">cI")


class BackupDamaged(Invalid):
    """The file is no whole backup."""

    code = "backup_damaged"
    detail = "The file is damaged, cut off, or no backup at all. Nothing was changed."


class BackupKeyWrong(Invalid):
    """The file was sealed under another key."""

    code = "backup_key_wrong"
    detail = "The file was sealed under another BACKUP_KEY. Nothing was changed."


class Kind(Enum):
    """What a file holds."""

    LOG = "backup"
    KEYS = "keys"
    FILES = "files"


@dataclass(frozen=True)
class Header:
    """What may be known of a file without its key. `position` is the log's last, `revision` that
    of the database's migrations."""

    kind: Kind
    service: str
    created_at: datetime
    revision: str
    events: int
    position: int


class Frame(Enum):
    """What follows in the stream."""

    TABLE = b"T"  # its name, columns and rows follow
    ROWS = b"R"
    SEQUENCES = b"S"
    FILE = b"F"  # its key, a line's end, and its content
    END = b"E"


class ArchiveWriter:
    """Seals what is written to it. Blocking: hand it pieces of some size, in a thread."""

    def __init__(self, file: BinaryIO, header: Header, key: bytes) -> None:
        salt = os.urandom(32)
        text = orjson.dumps({**_plain(header), "salt": _text(salt), "key": fingerprint(key)})
        self._file = file
        self._seal = _Seal(key, salt, text)
        self._compress = zlib.compressobj(LEVEL)
        self._waiting = bytearray()
        file.write(MAGIC + _LENGTH.pack(len(text)) + text)

    def frame(self, frame: Frame, payload: bytes) -> None:
        """Add one frame."""
        self._add(self._compress.compress(_FRAME.pack(frame.value, len(payload))))
        self._add(self._compress.compress(payload))

    def finish(self) -> None:
        """Write what waits; the file is whole only after this."""
        self._add(self._compress.flush())
        self._put(bytes(self._waiting), last=True)

    def _add(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._put(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def _put(self, chunk: bytes, *, last: bool) -> None:
        box = self._seal.close(chunk, last=last)
        self._file.write(_LENGTH.pack(len(box)) + box)


def read_header(file: BinaryIO) -> Header:
    """The header alone. Raises `BackupDamaged`."""
    return _header(file)[0]


def read_frames(file: BinaryIO, key: bytes) -> Iterator[tuple[Frame, bytes]]:
    """Every frame, each only after its bytes were found to be what was written; blocking.

    Raises `BackupDamaged`, at the latest at the end, and `BackupKeyWrong`.
    """
    _, text, salt, fingerprint_of_key = _header(file)
    if fingerprint_of_key != fingerprint(key):
        raise BackupKeyWrong
    buffer = bytearray()
    ended = False
    for data in _decompressed(file, _Seal(key, salt, text)):
        buffer += data
        while len(buffer) >= _FRAME.size:
            letter, length = _FRAME.unpack_from(buffer)
            if len(buffer) < _FRAME.size + length:
                break
            frame = Frame(letter)
            yield frame, bytes(buffer[_FRAME.size : _FRAME.size + length])
            del buffer[: _FRAME.size + length]
            ended = frame is Frame.END
    if buffer or not ended:
        raise BackupDamaged


def fingerprint(key: bytes) -> str:
    """Tells keys apart and nothing about them: they are random."""
    return sha256(b"cartulary backup key" + key).hexdigest()[:16]


class _Seal:
    """The key of one file, and the number of its next chunk."""

    def __init__(self, key: bytes, salt: bytes, header: bytes) -> None:
        derived = HKDF(SHA256(), 32, salt=salt, info=b"cartulary backup").derive(key)
        self._cipher = AESGCM(derived)
        self._header = sha256(header).digest()
        self._number = 0

    def close(self, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last), chunk, self._header)

    def open(self, box: bytes, *, last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(last), box, self._header)

    def _nonce(self, last: bool) -> bytes:
        nonce = self._number.to_bytes(11, "big") + bytes([last])
        self._number += 1
        return nonce


def _decompressed(file: BinaryIO, seal: _Seal) -> Iterator[bytes]:
    decompress = zlib.decompressobj()
    try:
        for box, last in _boxes(file):
            yield decompress.decompress(seal.open(box, last=last))
    except (InvalidTag, zlib.error) as error:
        raise BackupDamaged from error
    if not decompress.eof:
        raise BackupDamaged


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Each sealed chunk, and whether nothing follows it."""
    following = _box(file)
    while following is not None:
        box, following = following, _box(file)
        yield box, following is None


def _box(file: BinaryIO) -> bytes | None:
    head = file.read(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size or (length := _LENGTH.unpack(head)[0]) > 2 * CHUNK:
        raise BackupDamaged
    box = file.read(length)
    if len(box) < length:
        raise BackupDamaged
    return box


def _header(file: BinaryIO) -> tuple[Header, bytes, bytes, str]:
    """(header, its bytes, the file's salt, the fingerprint of its key)"""
    start = file.read(len(MAGIC) + _LENGTH.size)
    if len(start) < len(MAGIC) + _LENGTH.size or not start.startswith(MAGIC):
        raise BackupDamaged
    (length,) = _LENGTH.unpack(start[len(MAGIC) :])
    if length > LONGEST_HEADER:
        raise BackupDamaged
    text = file.read(length)
    try:
        values = orjson.loads(text)
        salt, key = b64decode(values.pop("salt")), str(values.pop("key"))
        values["created_at"] = datetime.fromisoformat(values["created_at"])
        return Header(**{**values, "kind": Kind(values["kind"])}), text, salt, key
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupDamaged from error


def _plain(header: Header) -> dict[str, object]:
    return {**asdict(header), "kind": header.kind.value}


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
