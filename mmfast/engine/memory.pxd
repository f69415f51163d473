"""C types of memory.py, which says what everything means."""

cimport cython


@cython.final
cdef class BoundedMemory:
    cdef dict _values
    cdef object _order

    cpdef get(self, key)
    cpdef put(self, key, value)
