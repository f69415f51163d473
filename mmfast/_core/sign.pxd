"""HMAC-SHA256 from a key state prepared once."""

from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef extern from "sha256.h" nogil:
    enum:
        MMF_PORTABLE
        MMF_SHA_NI

    ctypedef struct mmf_hmac_key:
        uint32_t inner[8]
        uint32_t outer[8]

    int mmf_sha_available() noexcept
    void mmf_wipe(void* memory, size_t size) noexcept
    void mmf_hmac_prepare(
        int backend, mmf_hmac_key* key, const uint8_t* secret, size_t size
    ) noexcept
    void mmf_hmac(
        int backend, const mmf_hmac_key* key, const uint8_t* head, size_t head_size,
        const uint8_t* body, size_t body_size, uint8_t* digest
    ) noexcept
    void mmf_hmac_pair(
        int backend, const mmf_hmac_key* key, const uint8_t* head, size_t head_size,
        const uint8_t* one, size_t one_size, const uint8_t* two, size_t two_size,
        uint8_t* one_digest, uint8_t* two_digest
    ) noexcept
    void mmf_hex(int backend, char* out, const uint8_t* digest) noexcept


cdef enum:
    #: Characters of an API key; Bybit's have 18 to 36.
    KEY_LIMIT = 128
    #: Timestamp, API key and window: two numbers of at most 19 digits.
    HEAD_ROOM = 176
    #: Three header lines but for the time: their names, API key and window.
    FRONT_ROOM = 224
    SIGN_SIZE = 15


cdef class Signer:
    cdef mmf_hmac_key _key
    cdef readonly str api_key
    cdef readonly int64_t recv_window_ms
    #: What stands between the timestamp and the payload: API key and window.
    cdef char _middle[HEAD_ROOM]
    cdef Py_ssize_t _middle_size
    #: The header lines up to the timestamp.
    cdef char _front[FRONT_ROOM]
    cdef Py_ssize_t _front_size

    cdef int _write_head(self, char* head, object timestamp_ms) except -1
    cdef int _pair(
        self, const char* head, int size, bytes first, bytes second, uint8_t* one, uint8_t* two
    ) except -1
    cdef bytes _lines(self, const char* head, int size, const uint8_t* digest)
