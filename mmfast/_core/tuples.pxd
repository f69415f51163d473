"""C types of tuples.pyx."""

from libc.stdint cimport int64_t

cpdef object named(type kind, tuple values)
cpdef object command(
    type kind, object op, int64_t slot, int64_t instrument, object side, int64_t flags,
    int64_t price_ticks, int64_t lots, int64_t client_id
)
