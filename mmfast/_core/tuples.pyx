"""Named tuples from their values, without what a call of their class costs."""

from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from libc.stdint cimport int64_t


cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t items)
    bint PyType_IsSubtype(PyTypeObject* kind, PyTypeObject* of)


cdef object empty(type kind, Py_ssize_t size):
    """One whose values have to be put before anybody looks at it."""
    if not PyType_IsSubtype(<PyTypeObject*>kind, <PyTypeObject*>tuple):
        raise TypeError(f"expected a kind of tuple, found {kind.__name__}")
    return PyType_GenericAlloc(<PyTypeObject*>kind, size)


cdef inline int put(object made, Py_ssize_t place, object value) except -1:
    """The tuple keeps a reference of its own."""
    Py_INCREF(value)
    PyTuple_SET_ITEM(made, place, value)
    return 0


cpdef object named(type kind, tuple values):
    """See the stub."""
    cdef Py_ssize_t size = PyTuple_GET_SIZE(values)
    cdef Py_ssize_t place
    cdef object made = empty(kind, size)
    for place in range(size):
        put(made, place, <object>PyTuple_GET_ITEM(values, place))
    return made


cpdef object command(
    type kind, object op, int64_t slot, int64_t instrument, object side, int64_t flags,
    int64_t price_ticks, int64_t lots, int64_t client_id
):
    """See the stub."""
    cdef object made = empty(kind, 8)
    put(made, 0, op)
    put(made, 1, slot)
    put(made, 2, instrument)
    put(made, 3, side)
    put(made, 4, flags)
    put(made, 5, price_ticks)
    put(made, 6, lots)
    put(made, 7, client_id)
    return made
