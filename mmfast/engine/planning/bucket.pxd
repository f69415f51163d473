"""C types of bucket.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

cdef int64_t _NEVER_NS
cdef int64_t _WINDOW_NS
cdef int64_t _OTHERS_NS
cdef int64_t _PROVEN_WINDOWS


@cython.final
cdef class Bucket:
    cdef public int64_t limit
    cdef public int64_t percent
    cdef readonly int64_t in_flight
    cdef readonly int64_t closed_until_ns
    cdef object _cooling
    cdef int64_t _cooling_sum
    cdef int64_t _first_limit
    cdef int64_t _assumed_most
    cdef readonly bint told
    cdef int64_t _lowered_ns
    cdef object _lost
    cdef int64_t _void_ns
    cdef object _faded
    cdef int64_t _doubt_until_ns
    cdef int64_t _others_most
    cdef int64_t _others_now
    cdef int64_t _others_since_ns
    cdef int64_t _others_until_ns
    cdef readonly int64_t others_windows

    cpdef int64_t usable(self) except -1
    @cython.locals(ended=tuple)
    cpdef int64_t used(self, int64_t now_ns) except? -1
    @cython.locals(usable=int64_t)
    cpdef int64_t left(self, int64_t now_ns) except -1
    cpdef void spend(self, int64_t orders) except *
    cpdef void settle(self, int64_t orders, int64_t unspent, int64_t now_ns) except *
    cpdef void assume(self, int64_t limit) except *
    cpdef void lose(self, int64_t orders, int64_t void_ns) except *
    @cython.locals(limit=int64_t, unseen=int64_t)
    cpdef int64_t learn(self, rate, int64_t sent_ns, int64_t now_ns) except -1
    cpdef void doubt(self, int64_t now_ns) except *
    cpdef void close(self, int64_t now_ns) except *
    @cython.locals(opens_ns=int64_t)
    cpdef int64_t opens_ns(self, int64_t now_ns) except -1
    cdef void _cool(self, int64_t orders, int64_t now_ns) except *
    @cython.locals(until_ns=int64_t, orders=int64_t)
    cdef int64_t _others(self, int64_t unseen, int64_t sent_ns, int64_t now_ns) except -1
    @cython.locals(seen=int64_t)
    cdef int64_t _expected(self, int64_t usable, int64_t now_ns) except -1
