"""C types of rotation.py, which says what everything means."""

cimport cython


@cython.final
cdef class Rotation:
    cdef bytearray _marked
    cdef list _queue

    cpdef bint any_marked(self) except -1
    cpdef bint is_marked(self, Py_ssize_t instrument) except -1
    cpdef list marked(self)
    cpdef void mark(self, Py_ssize_t instrument) except *
    @cython.locals(instrument=Py_ssize_t)
    cpdef void mark_all(self) except *
    @cython.locals(instrument=Py_ssize_t)
    cpdef Py_ssize_t take_first(self) except -1
    @cython.locals(taken=list, instrument=Py_ssize_t)
    cpdef list take(self, Py_ssize_t limit)
