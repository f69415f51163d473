"""Products of 64-bit integers, exact whatever they come to."""

from libc.stdint cimport int64_t


cdef extern from "wide.h" nogil:
    int mmf_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t* out) noexcept
    bint mmf_product_greater(int64_t a, int64_t b, int64_t c, int64_t d) noexcept


cpdef int64_t mul_div(int64_t a, int64_t b, int64_t divisor) except? -1:
    """See the stub: a product divided and rounded down."""
    cdef int64_t result = 0
    if divisor <= 0:
        raise ValueError(f"divisor: expected a positive integer, found {divisor}")
    if mmf_mul_div(a, b, divisor, &result):
        raise OverflowError(f"{a} * {b} // {divisor} does not fit 64 bits")
    return result


cpdef bint product_greater(int64_t a, int64_t b, int64_t c, int64_t d) noexcept:
    """See the stub: compares two products."""
    return mmf_product_greater(a, b, c, d)
