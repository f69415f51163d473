"""C types of holds.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Holds:
    cdef list _refusals
    cdef dict _until_ns
    cdef int64_t _next_ns

    cpdef void accept(self, Py_ssize_t instrument) except *
    cpdef bint holds(self, instrument, int64_t now_ns) except -1
    cpdef list over(self, int64_t now_ns)
    cpdef int64_t next_ns(self) noexcept
