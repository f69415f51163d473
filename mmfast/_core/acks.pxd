"""C types of acks.pyx."""

from libc.stdint cimport int64_t

from mmfast._core.scan cimport Cursor, Span

cdef enum:
    #: No request carries more orders.
    ROWS_LIMIT = 20
    #: A reply whose rows are not plain.
    NO_ROWS = -1
    #: Where a command names its instrument and its order, and how many fields it has.
    INSTRUMENT = 2
    CLIENT_ID = 7
    COMMAND_FIELDS = 8
    #: As many digits as a number of the venue's rate headers may have.
    RATE_DIGITS = 18


cdef class Acks


cdef class Reply:
    cdef bytes _frame
    cdef readonly str req_id
    cdef readonly str op
    cdef Span _data
    cdef Span _ext_info
    #: Limit, what remains of it, and when it begins anew.
    cdef int64_t[3] _rate
    cdef object _make_rate
    cdef int _rows
    #: The codes behind the rows say that all were accepted.
    cdef bint _all_taken
    cdef int64_t[ROWS_LIMIT] _ids
    cdef Span[ROWS_LIMIT] _names

    cdef bint _read(self, Cursor* c, bint socket, Acks reader) except -1
    cdef bint _envelope(self, Cursor* c, bint socket, Acks reader) except -1
    cdef bint _list(self, Cursor* c, bytes head) noexcept
    cdef bint _takes_all(self, Cursor* c, Acks reader) except -1
    cdef bint _header(self, Cursor* c) noexcept


cdef class Accepted:
    cdef readonly tuple commands
    cdef Reply _reply
    cdef object _item
    cdef object _ack
    cdef tuple _items

    cpdef object client_id(self, Py_ssize_t row)
    cpdef int64_t instrument(self, Py_ssize_t row) except -1
    cdef object _command(self, Py_ssize_t row)
    cpdef str venue_id(self, Py_ssize_t row, str known)
    cdef tuple _all(self)
    cdef object _made(self, Py_ssize_t row)


cdef class Acks:
    cdef object _item
    cdef object _ack
    cdef object _rate
    cdef bytes _head
    cdef list _all_done

    cdef Reply _reply(self, bytes text, bint socket)
