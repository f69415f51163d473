"""What is known by order id: a table of objects, and a memory of numbers that has a limit.

Open addressing over plain 64-bit integers: no integer object is made, hashed or compared to find an
order. A seat that falls free is filled again from behind, so nothing is left to step over.
"""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from mmfast._core.fixed cimport mmf_distance


cdef int make_seats(Seats* seats, int bits) except -1:
    """Free ones, two to the power of ``bits``; written to, or each page would come in a tick."""
    seats.seats = <Seat*>PyMem_Malloc(sizeof(Seat) << bits)
    if seats.seats == NULL:
        raise MemoryError(f"seats for {1 << bits} ids")
    memset(seats.seats, 0, sizeof(Seat) << bits)
    seats.mask = (<uint64_t>1 << bits) - 1
    seats.shift = 64 - bits
    return 0


cdef int grow(Seats* seats) except -1:
    """Twice as many."""
    cdef Seats wider = seats[0]
    cdef uint64_t place
    if seats.shift <= 64 - MOST_BITS:
        raise MemoryError(f"more than {seats.count} ids")
    make_seats(&wider, 65 - seats.shift)
    for place in range(seats.mask + 1):
        if seats.seats[place].number != 0:
            seat_of(&wider, seats.seats[place].client_id)[0] = seats.seats[place]
    PyMem_Free(seats.seats)
    seats.seats = wider.seats
    seats.mask = wider.mask
    seats.shift = wider.shift
    return 0


cdef void take(Seats* seats, Seat* seat, int64_t client_id) noexcept nogil:
    """A free seat is taken."""
    seats.count += 1
    seats.number += 1
    seat.client_id = client_id
    seat.number = seats.number


cdef void leave(Seats* seats, Seat* seat) noexcept nogil:
    """A seat falls free. Whoever sits behind it and would rather sit there moves up."""
    cdef uint64_t free = <uint64_t>mmf_distance(seats.seats, seat) // sizeof(Seat)
    cdef uint64_t place = free
    cdef uint64_t wanted
    seats.count -= 1
    while True:
        place = (place + 1) & seats.mask
        if seats.seats[place].number == 0:
            break
        wanted = mmf_place(seats.seats[place].client_id, seats.shift)
        if mmf_walk(wanted, place, seats.mask) >= mmf_walk(free, place, seats.mask):
            seats.seats[free] = seats.seats[place]
            free = place
    seats.seats[free].number = 0


cdef int by_number(const void* left, const void* right) noexcept nogil:
    """The order in which seats were taken; no two have one number."""
    return 1 if (<const Seat*>left).number > (<const Seat*>right).number else -1


@cython.final
@cython.no_gc
cdef class IdTable:
    """Objects by id; see the stub."""

    def __cinit__(self):
        make_seats(&self._seats, LEAST_BITS)

    def __dealloc__(self):
        cdef uint64_t place
        if self._seats.seats == NULL:
            return
        for place in range(self._seats.mask + 1):
            if self._seats.seats[place].number != 0:
                Py_DECREF(<object>self._seats.seats[place].object)
        PyMem_Free(self._seats.seats)

    def __len__(self):
        return self._seats.count

    cpdef object get(self, int64_t client_id):
        cdef Seat* seat = seat_of(&self._seats, client_id)
        return None if seat.number == 0 else <object>seat.object

    cpdef bint holds(self, int64_t client_id) noexcept:
        return seat_of(&self._seats, client_id).number != 0

    cpdef int put(self, int64_t client_id, object value) except -1:
        cdef Seat* seat = seat_of(&self._seats, client_id)
        cdef PyObject* before = NULL
        if seat.number != 0:
            before = seat.object
        else:
            if <uint64_t>self._seats.count * 2 > self._seats.mask:
                grow(&self._seats)
                seat = seat_of(&self._seats, client_id)
            take(&self._seats, seat, client_id)
        Py_INCREF(value)
        seat.object = <PyObject*>value
        if before != NULL:
            # Only now: whatever its end sets off finds a table that is whole.
            Py_DECREF(<object>before)
        return 0

    cpdef object pop(self, int64_t client_id):
        cdef Seat* seat = seat_of(&self._seats, client_id)
        cdef object value
        if seat.number == 0:
            return None
        value = <object>seat.object
        leave(&self._seats, seat)
        Py_DECREF(value)
        return value

    cpdef list values(self):
        cdef Py_ssize_t count = 0
        cdef uint64_t place
        cdef Seat* taken = <Seat*>PyMem_Calloc(max(self._seats.count, 1), sizeof(Seat))
        if taken == NULL:
            raise MemoryError(f"a list of {self._seats.count} ids")
        for place in range(self._seats.mask + 1):
            if self._seats.seats[place].number != 0:
                taken[count] = self._seats.seats[place]
                count += 1
        qsort(taken, count, sizeof(Seat), &by_number)
        try:
            return [<object>taken[place].object for place in range(<uint64_t>count)]
        finally:
            PyMem_Free(taken)


@cython.final
cdef class IdMemory:
    """Numbers by id, the newest so many; see the stub."""

    def __cinit__(self, Py_ssize_t limit):
        cdef int bits = LEAST_BITS
        if not 0 < limit < 1 << (MOST_BITS - 1):
            raise ValueError(f"limit: expected 1 to 2**{MOST_BITS - 1} - 1, found {limit}")
        while <Py_ssize_t>1 << bits < 2 * limit:
            bits += 1
        make_seats(&self._seats, bits)
        self._limit = limit
        self._ring = <Seat*>PyMem_Malloc(limit * sizeof(Seat))
        if self._ring == NULL:
            raise MemoryError(f"a ring of {limit} ids")
        memset(self._ring, 0, limit * sizeof(Seat))

    def __dealloc__(self):
        PyMem_Free(self._seats.seats)
        PyMem_Free(self._ring)

    def __len__(self):
        return self._seats.count

    cpdef int64_t get(self, int64_t client_id, int64_t absent) noexcept:
        cdef Seat* seat = seat_of(&self._seats, client_id)
        return absent if seat.number == 0 else seat.value

    cpdef bint holds(self, int64_t client_id) noexcept:
        return seat_of(&self._seats, client_id).number != 0

    cpdef int put(self, int64_t client_id, int64_t value) except -1:
        cdef Seat* seat = seat_of(&self._seats, client_id)
        cdef Seat* oldest = &self._ring[self._oldest]
        cdef Seat* leaving
        if seat.number == 0:
            if oldest.number != 0:
                leaving = seat_of(&self._seats, oldest.client_id)
                if leaving.number == oldest.number:
                    leave(&self._seats, leaving)
                    seat = seat_of(&self._seats, client_id)
            take(&self._seats, seat, client_id)
            oldest[0] = seat[0]
            self._oldest = self._oldest + 1 if self._oldest + 1 < self._limit else 0
        seat.value = value
        return 0

    cpdef bint forget(self, int64_t client_id) noexcept:
        cdef Seat* seat = seat_of(&self._seats, client_id)
        if seat.number == 0:
            return False
        leave(&self._seats, seat)
        return True
