"""C types of draft.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.tuples cimport command

cdef tuple _OPS
cdef tuple _SIDES
cdef int _LEVELS


@cython.final
cdef class Draft:
    cdef public int op
    cdef public int slot
    cdef public int instrument
    cdef public int side
    cdef public int flags
    cdef public int64_t price_ticks
    cdef public int64_t lots
    cdef public int64_t client_id

    cpdef void fill(
        self, int op, int slot, int flags, int64_t price_ticks, int64_t lots,
        int64_t client_id
    ) except *
    cpdef object command(self)
