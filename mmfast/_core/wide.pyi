"""Products of 64-bit integers, exact whatever they come to.

For compiled callers first: a number beyond 64 bits is an OverflowError, and no check is made that
a number is an int.
"""

def mul_div(a: int, b: int, divisor: int) -> int:
    """floor(a * b / divisor). ValueError unless ``divisor`` is positive, OverflowError when the
    result does not fit 64 bits."""

def product_greater(a: int, b: int, c: int, d: int) -> bool:
    """a * b > c * d."""
