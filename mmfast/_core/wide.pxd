"""Products of 64-bit integers, exact whatever they come to."""

from libc.stdint cimport int64_t

cpdef int64_t mul_div(int64_t a, int64_t b, int64_t divisor) except? -1
cpdef bint product_greater(int64_t a, int64_t b, int64_t c, int64_t d) noexcept
