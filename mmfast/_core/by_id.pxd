"""C types of by_id.pyx, and the seats that both of its kinds keep their numbers in."""

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

cdef extern from "by_id.h" nogil:
    uint64_t mmf_place(int64_t client_id, int shift) noexcept
    uint64_t mmf_walk(uint64_t start, uint64_t end, uint64_t mask) noexcept

cdef enum:
    LEAST_BITS = 6
    MOST_BITS = 30

cdef struct Seat:
    int64_t client_id
    #: Counts what was put; 0 where nobody sits.
    int64_t number
    int64_t value
    PyObject* object


cdef struct Seats:
    Seat* seats
    #: One less than there are; their number is a power of two.
    uint64_t mask
    int shift
    Py_ssize_t count
    int64_t number


cdef inline Seat* seat_of(const Seats* seats, int64_t client_id) noexcept nogil:
    """Where an id sits, or the free seat that it would take. Each looks from the place that its
    number points to, and takes the first one that is free; never are all taken."""
    cdef uint64_t place = mmf_place(client_id, seats.shift)
    cdef Seat* seat = &seats.seats[place]
    while seat.number != 0 and seat.client_id != client_id:
        place = (place + 1) & seats.mask
        seat = &seats.seats[place]
    return seat


@cython.final
cdef class IdTable:
    cdef Seats _seats

    cpdef object get(self, int64_t client_id)
    cpdef bint holds(self, int64_t client_id) noexcept
    cpdef int put(self, int64_t client_id, object value) except -1
    cpdef object pop(self, int64_t client_id)
    cpdef list values(self)


@cython.final
cdef class IdMemory:
    cdef Seats _seats
    #: What was put, in turn; as long as a number is the one of a seat, that is remembered.
    cdef Seat* _ring
    cdef Py_ssize_t _limit
    cdef Py_ssize_t _oldest

    cpdef int64_t get(self, int64_t client_id, int64_t absent) noexcept
    cpdef bint holds(self, int64_t client_id) noexcept
    cpdef int put(self, int64_t client_id, int64_t value) except -1
    cpdef bint forget(self, int64_t client_id) noexcept
