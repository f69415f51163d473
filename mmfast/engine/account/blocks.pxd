"""C types of blocks.py, which says what everything means."""

cimport cython
from libc.stdint cimport int64_t

from mmfast._core.positions cimport PositionBlock
from mmfast._core.rows cimport OrderBlock
from mmfast.engine.account.account cimport Account
from mmfast.engine.orders.inventory cimport Inventory


@cython.locals(row=Py_ssize_t)
cpdef bint take_rows(
    events, Account account, Inventory inventory, int64_t now_ns
) except -1
