"""The checksum with which Google's services tell that bytes arrived as they were sent.

Authority: RFC 3720, appendix B.4; https://cloud.google.com/kms/docs/data-integrity-guidelines
"""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits in reverse


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_entry(value) for value in range(256))


def crc32c(data: bytes) -> int:
    """The checksum, between 0 and 2**32 - 1. For keys and credentials: a megabyte would take a tenth of a second."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
