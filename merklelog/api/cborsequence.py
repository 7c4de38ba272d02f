"""CBOR sequences of byte strings (RFC 8742): many entries in one body.

Two entries, ``hello`` and one of 300 bytes::

    45 68 65 6c 6c 6f            0x40 + length, for lengths below 24
    59 01 2c .. .. .. (300)      0x58, 0x59, 0x5a: length in 1, 2 or 4 bytes more

Of CBOR this needs one type and one length: the head of RFC 8949 section 3. A general
decoder would first build whatever else a body holds, nested as deep as the sender
likes, and then refuse it.
"""

from collections.abc import Iterable

from merklelog.errors import BadEntry, BodyTooLarge, MalformedEntry

# Major type 2 in the upper three bits (RFC 8949 section 3.1).
_BYTE_STRING = 0x40

# How the length of a byte string is spelled: (initial byte, bytes that follow it, the
# smallest length for which it is the shortest spelling). RFC 8949 section 4.2.1.
_LONG_HEADS = ((0x58, 1, 24), (0x59, 2, 1 << 8), (0x5A, 4, 1 << 16))


def decode_byte_strings(body: bytes, *, limit: int) -> list[bytes]:
    """Return the byte strings that *body* consists of, at most *limit*.

    Each has a definite length in its shortest spelling, so that equal sequences are
    equal bytes.

    Raises:
        MalformedEntry: an item is something else, or cut short; by its position.
        BodyTooLarge: more than *limit* items.
    """
    strings: list[bytes] = []
    offset = 0
    while offset < len(body):
        if len(strings) == limit:
            raise BodyTooLarge(limit=limit, unit="entries")
        start, length = _read_head(body, offset, position=len(strings))
        offset = start + length
        if offset > len(body):
            raise _malformed(len(strings), "cut short")
        strings.append(body[start:offset])
    return strings


def encode_byte_strings(strings: Iterable[bytes]) -> bytes:
    """Return *strings* as a CBOR sequence; each has less than 2^16 bytes."""
    parts: list[bytes] = []
    for string in strings:
        length = len(string)
        if length < 24:
            parts.append(bytes([_BYTE_STRING + length]))
        elif length < 1 << 8:
            parts.append(bytes([0x58, length]))
        else:
            parts.append(b"\x59" + length.to_bytes(2, "big"))
        parts.append(string)
    return b"".join(parts)


def _read_head(body: bytes, offset: int, *, position: int) -> tuple[int, int]:
    """Return where the byte string at *offset* starts, and its length."""
    initial = body[offset]
    if _BYTE_STRING <= initial < _BYTE_STRING + 24:
        return offset + 1, initial - _BYTE_STRING
    for head, width, smallest in _LONG_HEADS:
        if initial == head:
            start = offset + 1 + width
            if start > len(body):
                raise _malformed(position, "cut short")
            length = int.from_bytes(body[offset + 1 : start], "big")
            if length < smallest:
                raise _malformed(position, "its length is not in the shortest form")
            return start, length
    raise _malformed(position, "not a byte string of definite length")


def _malformed(position: int, reason: str) -> MalformedEntry:
    return MalformedEntry([BadEntry(position, reason)])
