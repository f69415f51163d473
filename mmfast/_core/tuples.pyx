"""Named tuples from their values, without what a call of their class costs."""

from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM


cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t items)
    bint PyType_IsSubtype(PyTypeObject* kind, PyTypeObject* of)


cpdef object named(type kind, tuple values):
    """See the stub."""
    cdef Py_ssize_t size = PyTuple_GET_SIZE(values)
    cdef Py_ssize_t place
    cdef object made, value
    if not PyType_IsSubtype(<PyTypeObject*>kind, <PyTypeObject*>tuple):
        raise TypeError(f"expected a kind of tuple, found {kind.__name__}")
    made = PyType_GenericAlloc(<PyTypeObject*>kind, size)
    for place in range(size):
        value = <object>PyTuple_GET_ITEM(values, place)
        # The tuple keeps a reference of its own.
        Py_INCREF(value)
        PyTuple_SET_ITEM(made, place, value)
    return made
