"""C types of order_states.py, which says what everything means."""

cimport cython

cdef bytes _NEXT
cdef int _NOT_LISTED
cdef int _EVENTS
cdef int _FIRST_FINAL
cdef bytes _IN_FLIGHT
cdef bytes _CANCELLABLE

@cython.locals(after=int)
cpdef int following(int state, int event) except -1
cpdef bint is_final(int state) noexcept
cpdef bint is_in_flight(int state) except -1
cpdef bint is_cancellable(int state) except -1
