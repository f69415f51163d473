"""A cursor over JSON bytes: strict, without objects, for parsers that know what they look for.

Every function returns False on malformed input and never reads at or past ``end``. Compact text
takes the short way; white space is allowed wherever JSON allows it.
"""

from libc.stdint cimport int64_t
from libc.string cimport memchr, memcmp

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


cdef inline bint skip_word(Cursor* c, const char* word, Py_ssize_t size) noexcept nogil:
    if mmf_distance(c.at, c.end) < size or memcmp(c.at, word, size) != 0:
        return False
    c.at += size
    return True


cdef inline int scan_hex4(Cursor* c) noexcept nogil:
    """Four hex digits as a number, or -1."""
    cdef int value = 0
    cdef int place
    cdef unsigned char digit
    if mmf_distance(c.at, c.end) < 4:
        return -1
    for place in range(4):
        digit = c.at[place]
        if c"0" <= digit <= c"9":
            value = value << 4 | (digit - c"0")
        elif c"a" <= (digit | 32) <= c"f":
            value = value << 4 | ((digit | 32) - c"a" + 10)
        else:
            return -1
    c.at += 4
    return value


cdef inline bint scan_escape(Cursor* c) noexcept nogil:
    """What follows a backslash. Surrogates have to come in pairs, or they are no text."""
    cdef unsigned char kind
    cdef int unit
    if c.at >= c.end:
        return False
    kind = c.at[0]
    c.at += 1
    if kind != c"u":
        return (
            kind == c'"' or kind == c"\\" or kind == c"/" or kind == c"b" or kind == c"f"
            or kind == c"n" or kind == c"r" or kind == c"t"
        )
    unit = scan_hex4(c)
    if unit < 0xD800 or unit > 0xDFFF:
        return unit >= 0
    return unit <= 0xDBFF and skip_word(c, b"\\u", 2) and 0xDC00 <= scan_hex4(c) <= 0xDFFF


cdef inline bint scan_beyond_ascii(Cursor* c) noexcept nogil:
    """One character of UTF-8 beyond ASCII: in its shortest form, and no surrogate."""
    cdef unsigned char lead = c.at[0]
    cdef unsigned char low = 0x80
    cdef unsigned char high = 0xBF
    cdef Py_ssize_t size
    cdef Py_ssize_t place
    if lead < 0xC2 or lead > 0xF4:
        return False
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if mmf_distance(c.at, c.end) < size:
        return False
    if lead == 0xE0:
        low = 0xA0
    elif lead == 0xED:
        high = 0x9F
    elif lead == 0xF0:
        low = 0x90
    elif lead == 0xF4:
        high = 0x8F
    if not low <= c.at[1] <= high:
        return False
    for place in range(2, size):
        if c.at[place] & 0xC0 != 0x80:
            return False
    c.at += size
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
        elif c.at[0] < 128:
            c.at += 1
        elif not scan_beyond_ascii(c):
            return False
    return False


cdef inline bint scan_key(Cursor* c, Span* out) noexcept nogil:
    """A key and its colon. An escape in it could spell a key that we know and have seen, so it
    is refused; the venue writes none."""
    return (
        scan_string(c, out)
        and (out.size == 0 or memchr(out.start, c"\\", out.size) == NULL)
        and take(c, c":")
    )


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
                if objects & 1 and not scan_key(c, &ignored):
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
        if objects & 1 and not scan_key(c, &ignored):
            return False
