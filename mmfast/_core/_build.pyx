"""What this core was built as."""

cdef extern from *:
    # Both come from the compiler's command line, so they cannot disagree with the flags used.
    const char* MMFAST_BUILD
    const char* MMFAST_VERSION

BUILD = MMFAST_BUILD.decode("ascii")
VERSION = MMFAST_VERSION.decode("ascii")
