"""C types of inventory.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.positions cimport PositionBlock
from mmfast.engine.orders.doubts cimport Doubts
from mmfast.engine.orders.memory cimport BoundedMemory
from mmfast.engine.rotation cimport Rotation


@cython.final
cdef class Position:
    cdef public int64_t lots
    cdef public object cost_e8
    cdef public object realized_e8
    cdef public object fees_e8
    cdef public int64_t base_seq
    cdef public object recent
    cdef public int64_t newest_seq
    cdef public object claim
    cdef public int64_t disagree_since_ns

    cpdef int64_t as_of(self, int64_t seq) except? -1
    @cython.locals(since=int64_t, fill_seq=int64_t, lots=int64_t)
    cpdef int64_t since(self, int64_t seq) except? -1


@cython.final
cdef class Inventory:
    cdef list _instruments
    cdef BoundedMemory _seen
    cdef int64_t _forgotten_ms
    cdef readonly Doubts doubts
    cdef readonly list positions
    cdef readonly Rotation moved
    cdef public bint synced

    @cython.locals(position=Position)
    cpdef int64_t lots(self, Py_ssize_t instrument) except? -1
    @cython.locals(position=Position, seq=int64_t)
    cpdef void on_row(self, PositionBlock block, Py_ssize_t row, int64_t now_ns) except *
    @cython.locals(position=Position, older=bint)
    cpdef void on_claim(self, claim, int64_t now_ns) except *
