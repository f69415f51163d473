"""C types of acks.pyx."""

from mmfast._core.scan cimport Cursor, Span

cdef enum:
    ITEMS_LIMIT = 64
    #: Where a command names its order, and how many fields it has.
    CLIENT_ID = 7
    COMMAND_FIELDS = 8


cdef class Acks:
    cdef object _item
    cdef object _ack
    cdef bytes _head

    cdef tuple _rows(self, Cursor* c, tuple commands)
    cdef object _made(self, object client_id, const Span* venue_id)
