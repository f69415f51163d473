"""Exact decimal text to and from 64-bit integers."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

MAX_DIGITS = DECIMALS_LIMIT

cdef uint64_t MAGNITUDE_LIMIT = <uint64_t>INT64_MAX


class FixedError(ValueError):
    """Text is not a plain decimal, or does not fit the grid or 64 bits."""


cdef int decimals_of(object value) except -1:
    cdef int64_t decimals = integer(value)
    if decimals < 0 or decimals > DECIMALS_LIMIT:
        raise FixedError(f"decimals: expected 0 to {DECIMALS_LIMIT}, found {decimals}")
    return <int>decimals


cdef int refuse(object text, int fault, int decimals) except -1:
    """Raise the FixedError that says why ``text`` was refused."""
    shown = repr(text[:40]) + ("..." if len(text) > 40 else "")
    if fault == TOO_PRECISE:
        raise FixedError(f"expected at most {decimals} decimals, found {shown}")
    if fault == TOO_LARGE:
        raise FixedError(f"expected a number that fits 64 bits at {decimals} decimals, found {shown}")
    if fault == NO_DIGITS:
        raise FixedError(f"expected a decimal number, found no digits in {shown}")
    raise FixedError(f"expected a plain decimal (sign, digits, one point), found {shown}")


cdef int span_of(object text, const char** start, Py_ssize_t* size) except -1:
    """Borrow the bytes of a str or bytes; they live as long as ``text``."""
    if isinstance(text, bytes):
        start[0] = PyBytes_AS_STRING(text)
        size[0] = PyBytes_GET_SIZE(text)
        return 0
    if isinstance(text, str):
        try:
            start[0] = PyUnicode_AsUTF8AndSize(text, size)
        except UnicodeEncodeError:
            refuse(text, BAD_CHARACTER, 0)
        return 0
    raise TypeError(f"expected str or bytes, found {type(text).__name__}")


cdef int64_t to_units(object text, int decimals) except? -1:
    cdef const char* start = NULL
    cdef Py_ssize_t size = 0
    cdef uint64_t magnitude = 0
    cdef bint negative = False
    cdef int fault
    span_of(text, &start, &size)
    cdef const unsigned char* at = <const unsigned char*>start
    cdef const unsigned char* end = at + size
    if size and (at[0] == c"-" or at[0] == c"+"):
        negative = at[0] == c"-"
        at += 1
    fault = scan_decimal(&at, end, decimals, &magnitude)
    if fault == FINE and at != end:
        fault = BAD_CHARACTER
    if fault == FINE and magnitude > MAGNITUDE_LIMIT + negative:
        fault = TOO_LARGE
    if fault != FINE:
        refuse(text, fault, decimals)
    if negative and magnitude:
        # Written so that the most negative int64 is reached without overflow.
        return -<int64_t>(magnitude - 1) - 1
    return <int64_t>magnitude


cdef bytes to_text(int64_t units, int decimals):
    cdef char room[FORMAT_ROOM]
    cdef int at = 0
    cdef uint64_t magnitude
    if units < 0:
        room[0] = c"-"
        at = 1
        magnitude = <uint64_t>(-(units + 1)) + 1
    else:
        magnitude = <uint64_t>units
    at += write_decimal(&room[at], magnitude, decimals)
    return PyBytes_FromStringAndSize(room, at)


def parse_units(text, decimals):
    """See the stub: decimal text to an integer count of 10**-decimals."""
    return to_units(text, decimals_of(decimals))


def parse_grid(text, decimals, unit):
    """See the stub: decimal text to a count of grid steps."""
    cdef int places = decimals_of(decimals)
    cdef int64_t step = integer(unit)
    cdef int64_t units
    if step <= 0:
        raise FixedError(f"unit: expected a positive integer, found {step}")
    units = to_units(text, places)
    if units % step:
        raise FixedError(
            f"expected a multiple of {to_text(step, places).decode('ascii')}, "
            f"found {to_text(units, places).decode('ascii')}"
        )
    return units // step


def format_units(units, decimals):
    """See the stub: integer units to decimal text."""
    return to_text(integer(units), decimals_of(decimals))


def format_grid(count, decimals, unit):
    """See the stub: a count of grid steps to decimal text."""
    return to_text(product(integer(count), integer(unit)), decimals_of(decimals))


def split_step(text):
    """See the stub: a step size as (decimals, units)."""
    cdef int64_t units
    point = b"." if isinstance(text, bytes) else "."
    zero = b"0" if isinstance(text, bytes) else "0"
    # No more decimals than the text needs, so that its whole part may use all 64 bits.
    needed = len(text.partition(point)[2].rstrip(zero)) if isinstance(text, (bytes, str)) else 0
    units = to_units(text, min(needed, DECIMALS_LIMIT))
    if units <= 0:
        raise FixedError(f"expected a positive step, found {text!r}")
    return needed, units


cdef int64_t step_of(object value) except -1:
    cdef int64_t step = integer(value)
    if step <= 0:
        raise ValueError(f"step: expected a positive integer, found {step}")
    return step


cdef int64_t product(int64_t a, int64_t b) except? -1:
    cdef int64_t result = 0
    if mmf_mul(a, b, &result):
        raise OverflowError(f"{a} * {b} does not fit 64 bits")
    return result


def floor_to(value, step):
    """See the stub: round down to a multiple of ``step``."""
    cdef int64_t units = integer(value)
    cdef int64_t size = step_of(step)
    cdef int64_t rest = units % size
    return product((units - rest) // size - (1 if rest < 0 else 0), size)


def ceil_to(value, step):
    """See the stub: round up to a multiple of ``step``."""
    cdef int64_t units = integer(value)
    cdef int64_t size = step_of(step)
    cdef int64_t rest = units % size
    return product((units - rest) // size + (1 if rest > 0 else 0), size)


def mul(a, b):
    """See the stub: checked product."""
    return product(integer(a), integer(b))
