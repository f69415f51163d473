"""Decimal leaves shared by the core; inline, so that they cost no call across modules."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy


cdef extern from "wide.h" nogil:
    int mmf_mul(int64_t a, int64_t b, int64_t* out) noexcept
    Py_ssize_t mmf_distance(const void* first, const void* last) noexcept


cdef extern from "digits.h" nogil:
    char* mmf_put_short(char* out, uint64_t value, int decimals) noexcept
    char* mmf_put_hex(char* out, uint64_t value) noexcept
    char* mmf_put_padded(char* out, const char* text, int size) noexcept


cdef extern from *:
    """
    static const uint64_t mmf_pow10[20] = {
        1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL,
        100000000ULL, 1000000000ULL, 10000000000ULL, 100000000000ULL, 1000000000000ULL,
        10000000000000ULL, 100000000000000ULL, 1000000000000000ULL, 10000000000000000ULL,
        100000000000000000ULL, 1000000000000000000ULL, 10000000000000000000ULL};
    static const char mmf_pairs[201] =
        "0001020304050607080910111213141516171819"
        "2021222324252627282930313233343536373839"
        "4041424344454647484950515253545556575859"
        "6061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    """
    const uint64_t mmf_pow10[20]
    const char mmf_pairs[201]


cdef enum:
    #: Largest number of decimals; 10**18 is the largest power of ten in int64.
    DECIMALS_LIMIT = 18
    #: Sign, 19 digits, point and a zero before it; a short number may be written as two
    #: words of 8 bytes.
    FORMAT_ROOM = 24
    #: Numbers of up to 8 digits take a shorter way.
    SHORT_LIMIT = 100_000_000
    SHORT_DECIMALS = 8

cdef enum Fault:
    FINE = 0
    NO_DIGITS = 1
    TOO_PRECISE = 2
    TOO_LARGE = 3
    BAD_CHARACTER = 4
    OFF_GRID = 5


cdef inline int64_t integer(object value) except? -1:
    """A Python int as int64. Cython by itself would cut a float or a Decimal without a word."""
    if not isinstance(value, int):
        raise TypeError(f"expected an int, found {value!r}")
    return value


cdef inline int scan_decimal(
    const unsigned char** cursor, const unsigned char* end, int decimals, uint64_t* out
) noexcept nogil:
    """Read digits with at most one point; stop at the first other byte, as units of 10**-decimals.

    Returns a Fault. ``out`` is below 10**19, so it may still exceed int64: the caller bounds it.
    """
    cdef const unsigned char* at = cursor[0]
    cdef const unsigned char* first = at
    cdef const unsigned char* mark
    cdef uint64_t value = 0
    cdef unsigned int digit
    cdef Py_ssize_t whole, read
    while at < end and at[0] == c"0":
        at += 1
    mark = at
    while at < end:
        digit = <unsigned int>at[0] ^ 48u
        if digit > 9:
            break
        if mmf_distance(mark, at) >= 19:
            return TOO_LARGE
        value = value * 10 + digit
        at += 1
    whole = mmf_distance(mark, at)
    # A whole part with a leading non-zero digit and more than 19 digits in all is past 2**63.
    if whole > 0 and whole + decimals > 19:
        return TOO_LARGE
    if at >= end or at[0] != c".":
        if at == first:
            return NO_DIGITS
        out[0] = value * mmf_pow10[decimals]
        cursor[0] = at
        return FINE
    at += 1
    mark = at
    while at < end:
        digit = <unsigned int>at[0] ^ 48u
        if digit > 9:
            break
        if mmf_distance(mark, at) < decimals:
            value = value * 10 + digit
        elif digit != 0:
            return TOO_PRECISE
        at += 1
    read = mmf_distance(mark, at)
    if mmf_distance(first, at) == 1:
        return NO_DIGITS
    if read < decimals:
        value *= mmf_pow10[decimals - read]
    out[0] = value
    cursor[0] = at
    return FINE


cdef inline int write_decimal(char* out, uint64_t units, int decimals) noexcept nogil:
    """Write ``units * 10**-decimals``, exactly ``decimals`` fractional digits; returns the length.

    ``out`` needs FORMAT_ROOM bytes and ``decimals`` must lie in 0..DECIMALS_LIMIT.
    """
    cdef char digits[24]
    cdef int at = 24
    cdef int length, whole
    cdef unsigned int pair
    if units < SHORT_LIMIT and decimals < SHORT_DECIMALS:
        return <int>mmf_distance(out, mmf_put_short(out, units, decimals))
    while units >= 100:
        pair = <unsigned int>(units % 100) * 2
        units //= 100
        at -= 2
        digits[at] = mmf_pairs[pair]
        digits[at + 1] = mmf_pairs[pair + 1]
    if units >= 10:
        at -= 2
        digits[at] = mmf_pairs[units * 2]
        digits[at + 1] = mmf_pairs[units * 2 + 1]
    else:
        at -= 1
        digits[at] = <char>(48 + units)
    while 24 - at <= decimals:
        at -= 1
        digits[at] = c"0"
    length = 24 - at
    if decimals == 0:
        memcpy(out, &digits[at], length)
        return length
    whole = length - decimals
    memcpy(out, &digits[at], whole)
    out[whole] = c"."
    memcpy(out + whole + 1, &digits[24 - decimals], decimals)
    return length + 1
