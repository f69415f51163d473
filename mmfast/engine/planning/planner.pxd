"""C types of planner.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.acks cimport Accepted
from mmfast.engine.planning.bucket cimport Bucket

cdef int _NOT_SENT
cdef int _LOCAL_REJECT
cdef int _THROTTLED
cdef int _UNKNOWN
cdef int _CANCEL
cdef int _AMEND
cdef int _PLACE
cdef tuple _OPS
cdef tuple _NO_COMMANDS


@cython.final
cdef class Planner:
    cdef object _category
    cdef int64_t _last_id
    cdef int64_t _failures
    cdef int64_t _shut_ns
    cdef list _buckets
    cdef Py_ssize_t _size
    cdef int64_t _reserve_percent
    cdef int64_t _reducing_percent
    cdef int64_t _told_ns
    cdef public object outbox
    cdef public int64_t void_ns
    cdef readonly bint ranks
    cdef list _packs
    cdef list _spilled
    cdef list _spills
    cdef bint _spills_urgent

    cpdef tuple allowance(self, int64_t now_ns, int64_t urgent_cancels)
    cpdef int64_t places_kept(self) except -1
    cpdef int64_t kept_for_reducing(self, int op) except -1
    @cython.locals(usable=int64_t, spilled=Bucket)
    cdef int64_t _usable(self, int op) except -1
    @cython.locals(batches=list, together=Py_ssize_t, at=Py_ssize_t)
    cpdef list pack(self, int op, list commands, int64_t tick_id, int64_t now_ns)
    cdef int64_t _lose(self, reply, Bucket bucket, int64_t orders, int64_t now_ns) except -1
    @cython.locals(bucket=Bucket)
    cpdef str objection(self, batch, int64_t now_ns)
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
    @cython.locals(bucket=Bucket, alike=list, least=int64_t)
    cdef void _pass_on(self, bint single) except *
    cdef void _tell_of_others(
        self, batch, Bucket bucket, int64_t found, int64_t now_ns
    ) except *
    cdef void _pause(self, int64_t now_ns) except *
