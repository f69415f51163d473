"""Doors to C-only parts of the core, for tests; built in every mode but release."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from mmfast._core.scan cimport Cursor, Span, scan_string, skip_space, skip_value
from mmfast._core.sign cimport (
    MMF_PORTABLE, MMF_SHA_NI, mmf_hex, mmf_hmac, mmf_hmac_key, mmf_hmac_pair,
    mmf_hmac_prepare, mmf_sha_available, mmf_wipe,
)


cdef extern from *:
    """
    #if defined(__SANITIZE_ADDRESS__)
    #include <sanitizer/asan_interface.h>
    #define MMF_FENCE(at) __asan_poison_memory_region((at), 1)
    #define MMF_UNFENCE(at) __asan_unpoison_memory_region((at), 1)
    #define MMF_FENCES 1
    #else
    #define MMF_FENCE(at) ((void)(at))
    #define MMF_UNFENCE(at) ((void)(at))
    #define MMF_FENCES 0
    #endif
    """
    void MMF_FENCE(const char* at) noexcept
    void MMF_UNFENCE(const char* at) noexcept
    const int MMF_FENCES

#: Whether a fence stops anything: in the sanitize build only.
FENCES = bool(MMF_FENCES)


def fence(bytes data not None):
    """Forbid the byte behind the last. Python keeps a NUL there, so that a parser which reads one
    byte too many reads memory that is its own as far as the sanitizer knows."""
    MMF_FENCE(PyBytes_AS_STRING(data) + PyBytes_GET_SIZE(data))


def unfence(bytes data not None):
    """Allow it again."""
    MMF_UNFENCE(PyBytes_AS_STRING(data) + PyBytes_GET_SIZE(data))


#: Block functions this machine can run, by name.
BACKENDS = {"portable": MMF_PORTABLE}
if mmf_sha_available() == MMF_SHA_NI:
    BACKENDS["sha-ni"] = MMF_SHA_NI


def hmac(str backend not None, bytes secret not None, bytes head not None, bytes body not None):
    """HMAC-SHA256 of head + body by the named block function."""
    cdef mmf_hmac_key key
    cdef uint8_t digest[32]
    cdef int chosen = BACKENDS[backend]
    mmf_hmac_prepare(
        chosen, &key, <const uint8_t*>PyBytes_AS_STRING(secret), PyBytes_GET_SIZE(secret)
    )
    mmf_hmac(
        chosen, &key,
        <const uint8_t*>PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head),
        <const uint8_t*>PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body), digest,
    )
    return (<char*>digest)[:32]


def hmac_pair(
    str backend not None, bytes secret not None, bytes head not None, bytes one not None,
    bytes two not None,
):
    """HMAC-SHA256 of head + one and of head + two, side by side."""
    cdef mmf_hmac_key key
    cdef uint8_t first[32]
    cdef uint8_t second[32]
    cdef int chosen = BACKENDS[backend]
    mmf_hmac_prepare(
        chosen, &key, <const uint8_t*>PyBytes_AS_STRING(secret), PyBytes_GET_SIZE(secret)
    )
    mmf_hmac_pair(
        chosen, &key,
        <const uint8_t*>PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head),
        <const uint8_t*>PyBytes_AS_STRING(one), PyBytes_GET_SIZE(one),
        <const uint8_t*>PyBytes_AS_STRING(two), PyBytes_GET_SIZE(two), first, second,
    )
    return (<char*>first)[:32], (<char*>second)[:32]


def hex_text(str backend not None, bytes digest not None):
    """64 hex digits of a digest."""
    cdef char text[64]
    if len(digest) != 32:
        raise ValueError("a digest has 32 bytes")
    mmf_hex(BACKENDS[backend], text, <const uint8_t*>PyBytes_AS_STRING(digest))
    return text[:64].decode("ascii")


def wiped(bytes secret not None):
    """Whether a prepared key is all zero after the wipe that a Signer's end performs."""
    cdef mmf_hmac_key key
    cdef size_t i
    cdef int left = 0
    mmf_hmac_prepare(
        MMF_PORTABLE, &key, <const uint8_t*>PyBytes_AS_STRING(secret), PyBytes_GET_SIZE(secret)
    )
    mmf_wipe(&key, sizeof(mmf_hmac_key))
    for i in range(sizeof(mmf_hmac_key)):
        left |= (<const uint8_t*>&key)[i]
    return left == 0


def skips(bytes text not None):
    """Whether the scanner takes the whole text as one JSON value."""
    cdef Cursor c
    c.at = <const unsigned char*>PyBytes_AS_STRING(text)
    c.end = c.at + PyBytes_GET_SIZE(text)
    if not skip_value(&c):
        return False
    skip_space(&c)
    return c.at == c.end


def string_span(bytes text not None):
    """What the scanner sees between the quotes of a string, or None."""
    cdef Cursor c
    cdef Span span
    c.at = <const unsigned char*>PyBytes_AS_STRING(text)
    c.end = c.at + PyBytes_GET_SIZE(text)
    if not scan_string(&c, &span):
        return None
    return (<const char*>span.start)[:span.size]
