"""Several websocket messages of a client as one run of bytes, for one write."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    #: A whole message of text; RFC 6455, section 5.2.
    WHOLE_TEXT = 0x81
    MASKED = 0x80
    SIZE_IN_2_BYTES = 126
    SIZE_IN_8_BYTES = 127
    KEY_SIZE = 4
    WORD = 8


cdef Py_ssize_t head_size(Py_ssize_t size) noexcept nogil:
    """Bytes in front of a message of so many, its key included."""
    if size < SIZE_IN_2_BYTES:
        return 2 + KEY_SIZE
    return (4 if size < 1 << 16 else 10) + KEY_SIZE


cdef uint8_t* put_head(uint8_t* to, Py_ssize_t size) noexcept nogil:
    """Kind and size, up to the key."""
    cdef int width = 0, place
    to[0] = WHOLE_TEXT
    if size < SIZE_IN_2_BYTES:
        to[1] = <uint8_t>(MASKED | size)
    elif size < 1 << 16:
        to[1] = MASKED | SIZE_IN_2_BYTES
        width = 2
    else:
        to[1] = MASKED | SIZE_IN_8_BYTES
        width = 8
    for place in range(width):
        to[2 + place] = <uint8_t>(size >> 8 * (width - 1 - place) & 0xFF)
    return to + 2 + width


cdef void put_masked(
    uint8_t* to, const uint8_t* text, Py_ssize_t size, const uint8_t* key
) noexcept nogil:
    """The text under its key, a word at a time."""
    cdef uint32_t half
    cdef uint64_t mask, word
    cdef Py_ssize_t at = 0
    memcpy(&half, key, KEY_SIZE)
    mask = <uint64_t>half << 32 | half
    while at + WORD <= size:
        memcpy(&word, text + at, WORD)
        word ^= mask
        memcpy(to + at, &word, WORD)
        at += WORD
    while at < size:
        to[at] = text[at] ^ key[at % KEY_SIZE]
        at += 1


def segment(list messages not None, bytes keys not None):
    """See the stub: the messages as masked frames."""
    cdef Py_ssize_t count = PyList_GET_SIZE(messages)
    cdef Py_ssize_t total = 0, place, size
    cdef bytes message, made
    cdef const uint8_t* key = <const uint8_t*>PyBytes_AS_STRING(keys)
    cdef uint8_t* to
    if PyBytes_GET_SIZE(keys) != count * KEY_SIZE:
        raise ValueError(f"keys: expected {count * KEY_SIZE} bytes, found {len(keys)}")
    for message in messages:
        if message is None:
            raise TypeError("messages: expected bytes, found None")
        total += head_size(PyBytes_GET_SIZE(message)) + PyBytes_GET_SIZE(message)
    made = PyBytes_FromStringAndSize(NULL, total)
    to = <uint8_t*>PyBytes_AS_STRING(made)
    for place in range(count):
        message = <bytes>PyList_GET_ITEM(messages, place)
        size = PyBytes_GET_SIZE(message)
        to = put_head(to, size)
        memcpy(to, key, KEY_SIZE)
        to += KEY_SIZE
        put_masked(to, <const uint8_t*>PyBytes_AS_STRING(message), size, key)
        to += size
        key += KEY_SIZE
    return made
