"""C types of planner.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.acks cimport Accepted

cdef int _NOT_SENT
cdef int _LOCAL_REJECT
cdef int _THROTTLED
cdef int _CANCEL
cdef int _AMEND
cdef int _PLACE
cdef tuple _OPS
cdef tuple _NO_COMMANDS


@cython.final
cdef class Bucket:
    cdef public int64_t limit
    cdef public int64_t percent
    cdef readonly int64_t in_flight
    cdef readonly int64_t closed_until_ns
    cdef object _cooling
    cdef object _cooled
    cdef int64_t _cooling_sum
    cdef int64_t _lowered_ns

    cpdef int64_t usable(self) except -1
    cpdef int64_t used(self, int64_t now_ns) except? -1
    cpdef int64_t left(self, int64_t now_ns) except -1
    cpdef void spend(self, int64_t orders) except *
    cpdef void settle(self, int64_t orders, int64_t unspent, int64_t now_ns) except *
    @cython.locals(unseen=int64_t, at_ns=int64_t, orders=int64_t)
    cpdef void learn(self, rate, int64_t sent_ns, int64_t now_ns) except *
    cpdef void close(self, int64_t now_ns) except *
    cpdef int64_t opens_ns(self, int64_t now_ns) except -1
    cdef void _cool(self, int64_t orders, int64_t now_ns) except *


@cython.final
cdef class Planner:
    cdef object _category
    cdef int64_t _last_id
    cdef int64_t _failures
    cdef int64_t _shut_ns
    cdef list _buckets
    cdef Py_ssize_t _size
    cdef int64_t _reserve_percent
    cdef readonly bint ranks
    cdef list _packs
    cdef list _spilled
    cdef list _spills
    cdef bint _spills_urgent

    cpdef tuple allowance(self, int64_t now_ns, int64_t urgent_cancels)
    @cython.locals(usable=int64_t)
    cpdef int64_t places_kept(self) except -1
    @cython.locals(batches=list, together=Py_ssize_t, at=Py_ssize_t)
    cpdef list pack(self, int op, list commands, int64_t tick_id, int64_t now_ns)
    cpdef int64_t opens_ns(self, int64_t now_ns, ops) except? -1
    @cython.locals(bucket=Bucket, single=Bucket, left=int64_t, most=int64_t, reserve=int64_t,
                   ordinary=int64_t)
    cdef int64_t _cancels_left(self, int64_t now_ns, int64_t urgent_cancels) except -1
    cdef int64_t _reserve(self, Bucket bucket) except -1
    @cython.locals(left=int64_t, spilled=Bucket)
    cdef int64_t _left(self, int op, int64_t now_ns) except -1
    @cython.locals(spilled=Bucket)
    cdef void _count_spilled(self, int op, int64_t requests, int64_t now_ns) except *
    @cython.locals(opens_ns=int64_t)
    cdef int64_t _op_opens_ns(self, int op, int64_t now_ns) except -1
    cdef Bucket _bucket(self, int op)
    cdef Bucket _together(self, int op)
    cdef Bucket _single(self, int op)
    @cython.locals(bucket=Bucket)
    cdef object _batch(self, int op, tuple commands, int64_t tick_id, bint single)
    cdef void _pause(self, int64_t now_ns) except *
