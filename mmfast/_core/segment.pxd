"""C types of segment.pyx."""

from libc.stdint cimport uint8_t

cdef Py_ssize_t head_size(Py_ssize_t size) noexcept nogil
cdef uint8_t* put_head(uint8_t* to, Py_ssize_t size) noexcept nogil
