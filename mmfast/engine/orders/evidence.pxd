"""C types of evidence.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast.engine.orders.order cimport Order, bit_of
from mmfast.engine.orders.order_states cimport is_in_flight

cdef tuple _OF_STATUS
cdef tuple _OF_OUTCOME
cdef int _UNKNOWN_STATUS
cdef int _THROTTLED
cdef int _PLACE
cdef int _AMEND
cdef int _UNKNOWN
cdef int _CANCEL_ACKED
cdef int _ACK
cdef int _REFUSED
cdef int _UNSENT
cdef int _SEEN
cdef int _PROVEN

cpdef int event_of_outcome(int outcome, int op) except -1
cpdef int end_of_status(int status) except -2
cpdef bint is_open_status(int status) except -1
@cython.locals(event=int)
cpdef bint expects_reply(Order order, int op, int64_t tick_id, int outcome) except -1
@cython.locals(settled=bint, repeated=bint, shown=bint)
cpdef int judge(
    Order order, int64_t price_ticks, int64_t lots, int64_t updated_ms, int64_t asked_ns
) except -1
