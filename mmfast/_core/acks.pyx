"""Rows of replies that accept every order: bytes to items without anything in between.

The short way only, as in ``rows``: what is not spelled exactly as the venue spells it, or says
anything but that our very orders were accepted in their order, is answered with None.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from libc.stdint cimport int64_t

from mmfast._core.rows cimport id_of, is_text, plain_text, skip_plain, text_of
from mmfast._core.scan cimport Cursor, Span, skip_space, take


cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject* kind, Py_ssize_t items)


cdef bint scan_ack(Cursor* c, Span* link_id, Span* venue_id) noexcept nogil:
    """One row of a reply; False if it is not plain, or lacks one of the ids."""
    cdef Span key
    link_id.start, link_id.size = NULL, 0
    venue_id.start, venue_id.size = NULL, 0
    if not take(c, c"{"):
        return False
    while True:
        if not plain_text(c, &key) or not take(c, c":"):
            return False
        if is_text(&key, b"orderLinkId", 11):
            if link_id.start != NULL or not plain_text(c, link_id):
                return False
        elif is_text(&key, b"orderId", 7):
            if venue_id.start != NULL or not plain_text(c, venue_id):
                return False
        elif not skip_plain(c):
            return False
        if take(c, c","):
            continue
        return take(c, c"}") and link_id.size > 0 and venue_id.size > 0


@cython.final
cdef class Acks:
    """Reads rows of replies in which everything was accepted; see the stub."""

    def __cinit__(self, str head not None, type item not None, ack not None):
        if not issubclass(item, tuple):
            raise TypeError(f"item: expected a kind of tuple, found {item.__name__}")
        self._head = head.encode("ascii")
        self._item = item
        self._ack = ack

    def read(self, result not None, tuple commands not None):
        """See the stub: an item for each command, or None."""
        cdef bytes text = bytes(result)
        cdef Cursor c
        cdef Span key
        cdef tuple items
        c.at = <const unsigned char*>PyBytes_AS_STRING(text)
        c.end = c.at + PyBytes_GET_SIZE(text)
        if not take(&c, c"{") or not plain_text(&c, &key) or not is_text(&key, b"list", 4):
            return None
        if not take(&c, c":") or not take(&c, c"["):
            return None
        items = self._rows(&c, commands)
        if items is None or not take(&c, c"]") or not take(&c, c"}"):
            return None
        skip_space(&c)
        return items if c.at == c.end else None

    cdef tuple _rows(self, Cursor* c, tuple commands):
        """The rows, each about the command in its place; None if one is not."""
        cdef int64_t[ITEMS_LIMIT] ids
        cdef Py_ssize_t count = PyTuple_GET_SIZE(commands)
        cdef Py_ssize_t row, other
        cdef Span link_id, venue_id
        cdef list items = []
        cdef object command, client_id
        if count > ITEMS_LIMIT:
            return None
        for row in range(count):
            command = commands[row]
            if not isinstance(command, tuple) or PyTuple_GET_SIZE(command) != COMMAND_FIELDS:
                return None
            client_id = <object>PyTuple_GET_ITEM(command, CLIENT_ID)
            if row and not take(c, c",") or not scan_ack(c, &link_id, &venue_id):
                return None
            ids[row] = id_of(
                &link_id, PyBytes_AS_STRING(self._head), PyBytes_GET_SIZE(self._head)
            )
            if ids[row] == 0 or client_id != ids[row]:
                return None
            for other in range(row):
                if ids[other] == ids[row]:
                    return None
            items.append(self._made(client_id, &venue_id))
        return tuple(items)

    cdef object _made(self, object client_id, const Span* venue_id):
        cdef object name = text_of(venue_id)
        cdef object item = PyType_GenericAlloc(<PyTypeObject*>self._item, 5)
        # Each place takes a reference of its own.
        Py_INCREF(client_id)
        PyTuple_SET_ITEM(item, 0, client_id)
        Py_INCREF(self._ack)
        PyTuple_SET_ITEM(item, 1, self._ack)
        Py_INCREF(0)
        PyTuple_SET_ITEM(item, 2, 0)
        Py_INCREF("")
        PyTuple_SET_ITEM(item, 3, "")
        Py_INCREF(name)
        PyTuple_SET_ITEM(item, 4, name)
        return item
