"""C types of inventory.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.memory cimport BoundedMemory


@cython.final
cdef class Position:
    cdef public int64_t lots
    cdef public object cost_e8
    cdef public object realized_e8
    cdef public object fees_e8
    cdef public int64_t base_seq
    cdef public object recent
    cdef public object claim
    cdef public int64_t disagree_since_ns


@cython.final
cdef class Inventory:
    cdef list _instruments
    cdef BoundedMemory _seen
    cdef int64_t _forgotten_ms
    cdef dict _disputed
    cdef readonly list positions
    cdef public bint synced

    @cython.locals(position=Position)
    cpdef int64_t lots(self, Py_ssize_t instrument) except? -1
