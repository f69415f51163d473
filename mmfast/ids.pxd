"""C types of ids.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class ClientIds:
    cdef readonly str stem
    cdef readonly str head
    cdef readonly int64_t epoch
    cdef int64_t _base
    cdef int64_t _counter

    cpdef int64_t next(self) except -1
