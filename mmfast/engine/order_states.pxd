"""C types of order_states.py, which says what everything means."""

cdef tuple _NEXT
cdef int _EVENTS
cdef int _FIRST_FINAL
cdef tuple _IN_FLIGHT
cdef tuple _CANCELLABLE

cpdef int following(int state, int event) except -1
cpdef bint is_final(int state) noexcept
cpdef bint is_in_flight(int state) except -1
cpdef bint is_cancellable(int state) except -1
