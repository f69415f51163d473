"""Order requests as JSON bytes, written from per-instrument templates and integers."""

from libc.stdint cimport int32_t, int64_t


cdef enum:
    BATCH_LIMIT = 20
    SYMBOL_LIMIT = 32
    #: ``orderLinkId`` has at most 36 characters, 16 of them are ours to count with.
    HEAD_LIMIT = 20
    SMP_LIMIT = 16
    #: Constant text before the first number of an item; a multiple of what one copy takes.
    PREFIX_ROOM = 256
    #: What stands round a body on the trade socket, with an id and two numbers.
    FRAME_ROOM = 256
    REQ_ID_LIMIT = 36
    #: One finished item: prefix, two numbers, the link id and the words between them.
    ITEM_ROOM = 448
    #: side x time in force x reduce-only
    PLACE_KINDS = 12
    INSTRUMENTS_LIMIT = 4096


cdef struct Text:
    int32_t size
    char data[PREFIX_ROOM]


cdef struct Template:
    bint known
    int tick_decimals
    int step_decimals
    int64_t tick_units
    int64_t step_units
    Text place[PLACE_KINDS]
    #: For amends and cancels: the symbol and the head of the link id.
    Text name


cdef struct Item:
    int64_t op
    int64_t instrument
    int64_t side
    int64_t flags
    int64_t price_ticks
    int64_t lots
    int64_t client_id


cdef class OrderEncoder:
    cdef Template* _templates
    cdef Py_ssize_t _count
    cdef bytes _category
    cdef bytes _head
    cdef Text _batch_prefix
    cdef Text _single_prefix
    cdef char* _room

    cdef int _grow(self, Py_ssize_t count) except -1
    cdef int _read(self, object command, int op, Item* item) except -1
    cdef int _refuse(self, object command, int fault) except -1
    cdef int _fault_of_grid(self, const Item* item) noexcept nogil
    cdef char* _write(self, char* out, const Item* item) noexcept nogil
    cdef char* _put_batch(self, char* out, int op, object commands) except NULL
    cdef char* _put_single(self, char* out, int op, object command) except NULL
    cdef char* _open_frame(
        self, int op, bint batch, object req_id, object timestamp_ms, object recv_window_ms
    ) except NULL
    cdef bytes _close_frame(self, char* out)
