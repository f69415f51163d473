"""C types of market.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.book cimport Book
from mmfast.engine.counters cimport Counters
from mmfast.engine.market.drift cimport Drift, DriftLimit
from mmfast.engine.rotation cimport Rotation

cdef int _TOP
cdef int _SNAPSHOT
cdef int64_t _NEVER_NS
cdef int _REPEAT
cdef int64_t _NO_OFFSET_NS
cdef int64_t _DISPUTED_NS
cdef int64_t _SNAPSHOT_NS
cdef int64_t _MS


@cython.final
cdef class Feed:
    cdef readonly Book book
    cdef readonly Book witness
    cdef readonly object rough
    cdef readonly str fault
    cdef readonly bint fresh
    cdef readonly int64_t last_ns
    cdef readonly int64_t bad_frames
    cdef readonly bint lags
    cdef readonly int64_t wrong_since_ns
    cdef readonly int64_t differs_since_ns
    cdef readonly bint asked
    cdef readonly int64_t due_ns
    cdef readonly Drift drift


@cython.final
cdef class Market:
    cdef readonly list instruments
    cdef readonly object references
    cdef list _feeds
    cdef list _finest
    cdef Counters _counters
    cdef object _outbox
    cdef Rotation _dirty
    cdef int64_t _stale_ns
    cdef int64_t _next_look_ns
    cdef int64_t _looked_ns
    cdef DriftLimit _drift
    cdef int64_t _max_lag_ns
    cdef int64_t _venue_offset_ns

    @cython.locals(feed=Feed, changes=int)
    cpdef void on_frame(self, Py_ssize_t instrument, bytes data, int64_t now_ns) except *
    @cython.locals(feed=Feed, witness=Book, changes=int)
    cpdef void on_top_frame(self, Py_ssize_t instrument, bytes data, int64_t now_ns) except *
    cpdef void reset(self, Py_ssize_t instrument, int64_t now_ns) except *
    @cython.locals(feed=Feed)
    cpdef void stream_up(self, int64_t now_ns) except *
    @cython.locals(feed=Feed)
    cdef void _forget(self, Py_ssize_t instrument) except *
    cdef void _await(self, Feed feed, int64_t now_ns) except *
    @cython.locals(feed=Feed)
    cpdef str fault(self, Py_ssize_t instrument, int64_t now_ns)
    @cython.locals(feed=Feed)
    cpdef Book book(self, Py_ssize_t instrument)
    @cython.locals(feed=Feed)
    cpdef int64_t age_ns(self, Py_ssize_t instrument, int64_t now_ns) except? -1
    cpdef int64_t stale_ns(self) except? -1
    cpdef int64_t mid_x2_ticks(self, Py_ssize_t instrument) except -1
    @cython.locals(feed=Feed, instrument=Py_ssize_t, oldest_ns=int64_t, due_ns=int64_t)
    cpdef void look(self, int64_t now_ns) except *
    cpdef int64_t next_look_ns(self) noexcept
    cdef void _watch_drift(self, Py_ssize_t instrument, Feed feed, int64_t now_ns) except *
    @cython.locals(book=Book, witness=Book)
    cdef void _compare(self, Feed feed, int64_t now_ns) except *
    @cython.locals(made_ms=int64_t)
    cdef bint _is_late(self, Book book, int changes, int64_t now_ns) except -1
    @cython.locals(book=Book, fault=str, patience_ns=int64_t)
    cdef void _judge(self, Py_ssize_t instrument, Feed feed, int64_t now_ns) except *
    cdef void _on_gap(self, Py_ssize_t instrument, Feed feed) except *
    cdef void _distrust(self, Py_ssize_t instrument, Feed feed, str fault) except *
    cdef void _set_fault(self, Py_ssize_t instrument, Feed feed, str fault) except *
