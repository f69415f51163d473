"""The slow twin of mmfast._core.tuples: Python's own way."""

from __future__ import annotations


def named(kind, values):
    return tuple.__new__(kind, values)


def command(kind, *values):
    return named(kind, values)
