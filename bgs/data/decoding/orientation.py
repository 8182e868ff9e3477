"""Turning a picture the way its container says it was filmed.

Phones store the sensor's picture and a 3 x 3 display matrix. Its upper left part is a signed
permutation, one of the eight symmetries of a rectangle::

    (a b)    moves the stored right direction to (a, b) and
    (c d)    the stored down direction to (c, d), with x to the right and y down
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

Turn = tuple[int, int, int, int]  # (a, b, c, d), each -1, 0 or 1
UPRIGHT: Turn = (1, 0, 0, 1)


def turn_of(display_matrix: bytes | None) -> Turn:
    """The symmetry nearest to a display matrix; a skewed or empty one leaves the picture as it is."""
    if display_matrix is None or len(display_matrix) < 36:
        return UPRIGHT
    numbers = struct.unpack("=9i", display_matrix[:36])
    a, b, c, d = numbers[0], numbers[1], numbers[3], numbers[4]
    straight, crossed = abs(a) + abs(d), abs(b) + abs(c)
    if straight >= crossed and a and d:
        return (_sign(a), 0, 0, _sign(d))
    if crossed > straight and b and c:
        return (0, _sign(b), _sign(c), 0)
    return UPRIGHT


def turn_picture(picture: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """The picture (height, width, 3) as it is to be seen; contiguous."""
    if turn == UPRIGHT:
        return picture
    a, b, c, d = turn
    if a == 0:  # stored columns become rows
        picture = picture.transpose(1, 0, 2)
        flip_rows, flip_columns = b < 0, c < 0
    else:
        flip_rows, flip_columns = d < 0, a < 0
    picture = picture[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return np.ascontiguousarray(picture)


def _sign(number: int) -> int:
    return 1 if number > 0 else -1
