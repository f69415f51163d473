"""HMAC-SHA256 from a key state prepared once."""

from os import environ

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from mmfast._core.fixed cimport integer, write_decimal

#: ``auto`` (the default) or ``portable``, which any CPU can run; read once, at import.
SWITCH = "MMFAST_SHA256"


cdef int block_function() except -1:
    """The fastest this CPU has, unless the environment asks for the portable one."""
    wanted = environ.get(SWITCH, "auto")
    if wanted == "portable":
        return MMF_PORTABLE
    if wanted != "auto":
        raise ImportError(f"{SWITCH}: expected auto or portable, found {wanted!r}")
    return mmf_sha_available()


cdef const char* SIGN_LINE = b"\r\nX-BAPI-SIGN: "
cdef int CHOSEN = block_function()

BACKEND = "sha-ni" if CHOSEN == MMF_SHA_NI else "portable"


cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, unsigned int maxchar)
    void* PyUnicode_DATA(str text)


cdef str hex_text(const uint8_t* digest):
    """64 lower-case hex digits, written straight into the new string."""
    cdef str text = PyUnicode_New(64, 127)
    mmf_hex(CHOSEN, <char*>PyUnicode_DATA(text), digest)
    return text


cdef int check_printable(str what, str text, Py_ssize_t limit) except -1:
    """Refuse what cannot be a key; the text itself is never shown."""
    if not 0 < len(text) <= limit:
        raise ValueError(f"{what}: expected 1 to {limit} characters, found {len(text)}")
    for index, character in enumerate(text):
        if not "!" <= character <= "~":
            raise ValueError(
                f"{what}: expected printable ASCII without spaces, "
                f"found something else at position {index}"
            )
    return 0


@cython.final
cdef class Signer:
    """Signs for one API key; see the stub."""

    def __cinit__(self, str api_key not None, str secret not None, recv_window_ms):
        cdef bytes middle, front
        cdef int64_t window = integer(recv_window_ms)
        cdef const char* text
        cdef Py_ssize_t size = 0
        check_printable("api_key", api_key, KEY_LIMIT)
        check_printable("secret", secret, 4096)
        if not 0 < window <= 60_000:
            raise ValueError(
                f"recv_window_ms: expected 1 to 60000 milliseconds, found {window}"
            )
        self.api_key = api_key
        self.recv_window_ms = window
        middle = f"{api_key}{window}".encode("ascii")
        self._middle_size = len(middle)
        memcpy(self._middle, PyBytes_AS_STRING(middle), self._middle_size)
        front = (
            f"X-BAPI-API-KEY: {api_key}\r\nX-BAPI-RECV-WINDOW: {window}\r\nX-BAPI-TIMESTAMP: "
        ).encode("ascii")
        self._front_size = len(front)
        memcpy(self._front, PyBytes_AS_STRING(front), self._front_size)
        # ASCII text is stored as its own bytes, so no further copy of the secret is made.
        text = PyUnicode_AsUTF8AndSize(secret, &size)
        mmf_hmac_prepare(CHOSEN, &self._key, <const uint8_t*>text, size)

    def __dealloc__(self):
        mmf_wipe(&self._key, sizeof(mmf_hmac_key))

    def __repr__(self):
        return f"Signer(api_key={self.api_key!r}, secret=<redacted>)"

    def __reduce__(self):
        raise TypeError("a Signer holds a secret and cannot be pickled or copied")

    def sign(self, bytes payload not None):
        """See the stub: HMAC of the payload alone."""
        cdef uint8_t digest[32]
        mmf_hmac(
            CHOSEN, &self._key, NULL, 0,
            <const uint8_t*>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), digest,
        )
        return hex_text(digest)

    cdef int _write_head(self, char* head, object timestamp_ms) except -1:
        """What is signed before a payload: time, key and window. Returns its size."""
        cdef int64_t time_ms = integer(timestamp_ms)
        cdef int size
        if time_ms < 0:
            raise ValueError(f"timestamp_ms: expected 0 or more, found {time_ms}")
        size = write_decimal(head, <uint64_t>time_ms, 0)
        memcpy(&head[size], self._middle, self._middle_size)
        return size + <int>self._middle_size

    def request_lines(self, timestamp_ms, bytes payload not None):
        """See the stub: signs timestamp, key, window and payload; the payload is not copied."""
        cdef uint8_t digest[32]
        cdef char head[HEAD_ROOM]
        cdef int size = self._write_head(head, timestamp_ms)
        mmf_hmac(
            CHOSEN, &self._key, <const uint8_t*>head, size,
            <const uint8_t*>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), digest,
        )
        return self._lines(head, size, digest)

    def sign_pair(self, bytes first not None, bytes second not None):
        """See the stub: two HMACs, computed side by side where the CPU can."""
        cdef uint8_t one[32]
        cdef uint8_t two[32]
        self._pair(NULL, 0, first, second, one, two)
        return hex_text(one), hex_text(two)

    def request_lines_pair(self, timestamp_ms, bytes first not None, bytes second not None):
        """See the stub: two requests of one time, signed side by side where the CPU can."""
        cdef uint8_t one[32]
        cdef uint8_t two[32]
        cdef char head[HEAD_ROOM]
        cdef int size = self._write_head(head, timestamp_ms)
        self._pair(head, size, first, second, one, two)
        return self._lines(head, size, one), self._lines(head, size, two)

    cdef int _pair(
        self, const char* head, int size, bytes first, bytes second, uint8_t* one, uint8_t* two
    ) except -1:
        mmf_hmac_pair(
            CHOSEN, &self._key, <const uint8_t*>head, size,
            <const uint8_t*>PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first),
            <const uint8_t*>PyBytes_AS_STRING(second), PyBytes_GET_SIZE(second), one, two,
        )
        return 0

    cdef bytes _lines(self, const char* head, int size, const uint8_t* digest):
        """The header lines round a signature; the time stands at the front of what was signed."""
        cdef int digits = size - <int>self._middle_size
        cdef Py_ssize_t whole = self._front_size + digits + SIGN_SIZE + 64 + 2
        cdef bytes lines = PyBytes_FromStringAndSize(NULL, whole)
        cdef char* out = PyBytes_AS_STRING(lines)
        memcpy(out, self._front, self._front_size)
        out += self._front_size
        memcpy(out, head, digits)
        memcpy(out + digits, SIGN_LINE, SIGN_SIZE)
        out += digits + SIGN_SIZE
        mmf_hex(CHOSEN, out, digest)
        memcpy(out + 64, b"\r\n", 2)
        return lines
