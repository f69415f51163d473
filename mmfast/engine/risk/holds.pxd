"""C types of holds.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Holds:
    cdef list _refusals
    cdef dict _until_ns
    cdef int64_t _next_ns
    cdef object _params
    cdef list _storms
    cdef list _pulls
    cdef list _pulled_until_ns
    cdef readonly list news

    cpdef void accept(self, Py_ssize_t instrument) except *
    cpdef bint holds(self, instrument, int64_t now_ns) except -1
    @cython.locals(until_ns=int64_t)
    cpdef bint pulled(self, Py_ssize_t instrument, int64_t now_ns) except -1
    cpdef list over(self, int64_t now_ns)
    cpdef int64_t next_ns(self) noexcept
