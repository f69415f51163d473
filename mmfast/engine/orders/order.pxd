"""C types of order.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.orders.draft cimport Draft
from mmfast.engine.orders.order_states cimport is_final

cdef tuple _STATES
cdef int _PLACING
cdef int _CANCELLING
cdef int _CANCELLING_BLIND
cdef int _CANCEL_ACKED
cdef int _PLACE
cdef int _REDUCE_ONLY
cdef int64_t _NEVER_NS
cdef int64_t _NOT_COUNTED

cpdef int bit_of(int op) noexcept


@cython.final
@cython.freelist(64)
cdef class Order:
    cdef readonly int64_t client_id
    cdef public int slot
    cdef readonly int instrument
    cdef readonly int side
    cdef public int64_t price_ticks
    cdef public int64_t lots
    cdef public int code
    cdef public int64_t cum_lots
    cdef public int64_t booked_lots
    cdef public int64_t pending_price_ticks
    cdef public int64_t pending_lots
    cdef public str venue_id
    cdef public bint reduces
    cdef public int64_t sent_ns
    cdef public int flight_op
    cdef public int64_t flight_tick
    cdef public int undecided
    cdef public int undone
    cdef public int64_t settle_ns
    cdef public int64_t resolve_ns
    cdef public int64_t updated_ms
    cdef public bint seen
    cdef public bint adopted
    cdef public bint missing
    cdef public int64_t counted_lots
    cdef public int64_t counted_e8

    cdef void begin(
        self, int64_t client_id, int slot, int instrument, int side, int64_t price_ticks,
        int64_t lots
    ) except *
    @cython.locals(size=int64_t)
    cpdef int64_t worst_lots(self) except? -1
    @cython.locals(code=int)
    cpdef bint is_leaving(self) noexcept


@cython.locals(order=Order)
cpdef Order placed(Draft draft)


@cython.final
@cython.freelist(8)
cdef class Change:
    cdef readonly Order order
    cdef readonly int before_code
    cdef readonly int after_code


@cython.locals(change=Change)
cpdef Change changed(Order order, int before_code)
