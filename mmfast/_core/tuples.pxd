"""C types of tuples.pyx."""

cpdef object named(type kind, tuple values)
