"""A cursor over JSON bytes: strict, without objects, for parsers that know what they look for.

Every function returns False on malformed input and never reads at or past ``end``. Compact text
takes the short way; white space is allowed wherever JSON allows it.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from mmfast._core.fixed cimport mmf_distance

cdef enum:
    #: Containers inside each other that are still skipped; deeper is refused.
    NESTING_LIMIT = 32
    #: Digits of a whole number; one more might not fit int64.
    COUNT_DIGITS = 18

cdef struct Cursor:
    const unsigned char* at
    const unsigned char* end

cdef struct Span:
    const unsigned char* start
    Py_ssize_t size


cdef inline void skip_space(Cursor* c) noexcept nogil:
    while c.at < c.end and c.at[0] <= 32 and (
        c.at[0] == 32 or c.at[0] == 10 or c.at[0] == 13 or c.at[0] == 9
    ):
        c.at += 1


cdef inline bint take(Cursor* c, unsigned char wanted) noexcept nogil:
    """The next byte after white space, if it is the wanted one."""
    if c.at < c.end and c.at[0] == wanted:
        c.at += 1
        return True
    skip_space(c)
    if c.at < c.end and c.at[0] == wanted:
        c.at += 1
        return True
    return False


cdef inline bint peek(Cursor* c, unsigned char wanted) noexcept nogil:
    """Whether ``wanted`` comes next; consumes white space only."""
    skip_space(c)
    return c.at < c.end and c.at[0] == wanted


cdef inline bint is_hex(unsigned char c) noexcept nogil:
    return c"0" <= c <= c"9" or c"a" <= (c | 32) <= c"f"


cdef inline bint scan_escape(Cursor* c) noexcept nogil:
    """What follows a backslash."""
    cdef int digit
    cdef unsigned char kind
    if c.at >= c.end:
        return False
    kind = c.at[0]
    c.at += 1
    if kind != c"u":
        return (
            kind == c'"' or kind == c"\\" or kind == c"/" or kind == c"b" or kind == c"f"
            or kind == c"n" or kind == c"r" or kind == c"t"
        )
    if mmf_distance(c.at, c.end) < 4:
        return False
    for digit in range(4):
        if not is_hex(c.at[digit]):
            return False
    c.at += 4
    return True


cdef inline bint scan_string(Cursor* c, Span* out) noexcept nogil:
    """A string; the span is what stands between the quotes, escapes as written."""
    if not take(c, c'"'):
        return False
    out.start = c.at
    while c.at < c.end:
        if c.at[0] == c'"':
            out.size = mmf_distance(out.start, c.at)
            c.at += 1
            return True
        if c.at[0] < 32:
            return False
        if c.at[0] == c"\\":
            c.at += 1
            if not scan_escape(c):
                return False
        else:
            c.at += 1
    return False


cdef inline bint scan_count(Cursor* c, int64_t* out) noexcept nogil:
    """A whole number below 10**18, as JSON writes one: no sign, point or leading zero."""
    cdef int64_t value = 0
    cdef const unsigned char* first
    cdef unsigned int digit
    skip_space(c)
    first = c.at
    while c.at < c.end:
        digit = <unsigned int>c.at[0] ^ 48u
        if digit > 9:
            break
        if mmf_distance(first, c.at) == COUNT_DIGITS:
            return False
        value = value * 10 + digit
        c.at += 1
    if c.at == first or (first[0] == c"0" and mmf_distance(first, c.at) > 1):
        return False
    # A point or an exponent would follow here; the caller then finds no comma or brace.
    out[0] = value
    return True


cdef inline bint scan_digits(Cursor* c) noexcept nogil:
    cdef const unsigned char* first = c.at
    while c.at < c.end and c"0" <= c.at[0] <= c"9":
        c.at += 1
    return c.at != first


cdef inline bint skip_number(Cursor* c) noexcept nogil:
    if c.at < c.end and c.at[0] == c"-":
        c.at += 1
    if c.at < c.end and c.at[0] == c"0":
        c.at += 1
    elif not scan_digits(c):
        return False
    if c.at < c.end and c.at[0] == c".":
        c.at += 1
        if not scan_digits(c):
            return False
    if c.at < c.end and (c.at[0] == c"e" or c.at[0] == c"E"):
        c.at += 1
        if c.at < c.end and (c.at[0] == c"+" or c.at[0] == c"-"):
            c.at += 1
        return scan_digits(c)
    return True


cdef inline bint skip_word(Cursor* c, const char* word, Py_ssize_t size) noexcept nogil:
    if mmf_distance(c.at, c.end) < size or memcmp(c.at, word, size) != 0:
        return False
    c.at += size
    return True


cdef inline bint skip_scalar(Cursor* c) noexcept nogil:
    cdef Span ignored
    if c.at >= c.end:
        return False
    if c.at[0] == c'"':
        return scan_string(c, &ignored)
    if c.at[0] == c"t":
        return skip_word(c, b"true", 4)
    if c.at[0] == c"f":
        return skip_word(c, b"false", 5)
    if c.at[0] == c"n":
        return skip_word(c, b"null", 4)
    return skip_number(c)


cdef inline bint skip_value(Cursor* c) noexcept nogil:
    """Any value, whatever it is. Works with a bit per open container instead of recursion."""
    cdef unsigned long long objects = 0
    cdef int depth = 0
    cdef Span ignored
    while True:
        skip_space(c)
        if c.at < c.end and (c.at[0] == c"{" or c.at[0] == c"["):
            if depth == NESTING_LIMIT:
                return False
            depth += 1
            objects = objects << 1 | (c.at[0] == c"{")
            c.at += 1
            if not peek(c, c"}" if objects & 1 else c"]"):
                if objects & 1 and not (scan_string(c, &ignored) and take(c, c":")):
                    return False
                continue
        elif not skip_scalar(c):
            return False
        # A value is complete; close what it completes, or go on to the next one.
        while depth and take(c, c"}" if objects & 1 else c"]"):
            depth -= 1
            objects >>= 1
        if depth == 0:
            return True
        if not take(c, c","):
            return False
        if objects & 1 and not (scan_string(c, &ignored) and take(c, c":")):
            return False
