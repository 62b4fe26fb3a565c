"""Layers whose bytes never change: valid gzip and valid tar, written without a compressor.

The trap it avoids: zlib, zlib-ng and each of their versions compress the same bytes differently, and then the digests
of the images differ between two machines. Stored blocks (RFC 1951, 3.2.4) have one form only.
"""

import io
import struct
import tarfile
import zlib
from collections.abc import Mapping

_GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
_BLOCK = 65535


def layer(files: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    """The files as a tar in gzip, and the same tar bare; owned by root, mode 644, dated 1970."""
    archive = _tar(files)
    return _gzip(archive), archive


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _gzip(data: bytes) -> bytes:
    blocks = [data[start : start + _BLOCK] for start in range(0, max(len(data), 1), _BLOCK)]
    stored = b"".join(
        struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks, 1)
    )
    return _GZIP_HEADER + stored + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
