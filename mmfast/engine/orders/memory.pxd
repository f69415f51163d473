"""C types of memory.py, which says what everything means."""

cimport cython


@cython.final
cdef class BoundedMemory:
    cdef dict _values
    cdef list _keys
    cdef Py_ssize_t _oldest

    cpdef object get(self, key)
    @cython.locals(place=Py_ssize_t)
    cpdef object put(self, key, value)
