# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures of benchmarks: what a decoder of PNG finds in them."""

from __future__ import annotations

import struct
import zlib

import pytest

from benchmarks import strokes
from benchmarks.png import MIDDLE, RIGHT, Canvas, encode, text_width

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (200, 30, 40)


def decoded(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and pixels of a PNG without filters, its checksums proved."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(body)
        chunks[body[:4]] = body[4:]
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">2I5B", chunks[b"IHDR"])
    assert rest == [8, 2, 0, 0, 0]
    raw = zlib.decompress(chunks[b"IDAT"])
    step = 1 + 3 * width
    rows = [raw[at : at + step] for at in range(0, len(raw), step)]
    assert all(row[:1] == b"\0" for row in rows)
    return width, height, b"".join(row[1:] for row in rows)


def test_a_decoder_finds_each_pixel() -> None:
    pixels = bytes(range(2 * 3 * 3))
    assert decoded(encode(2, 3, pixels)) == (2, 3, pixels)


def test_pixels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="11 bytes are not 2 x 2 pixels"):
        encode(2, 2, bytes(11))


def test_a_picture_in_a_file_is_what_was_drawn() -> None:
    canvas = Canvas(10, 6, 2)
    canvas.bar((2, 1), (5, 3), RED)
    width, height, pixels = decoded(canvas.png())
    assert (width, height) == (20, 12)
    assert pixels == bytes(canvas.pixels)
    inside = {(x, y) for x in range(20) for y in range(12) if canvas.pixel(x, y) == RED}
    assert inside == {(x, y) for x in range(4, 10) for y in range(2, 6)}


def test_a_bar_ends_at_the_edge_of_the_picture() -> None:
    canvas = Canvas(4, 4)
    canvas.bar((9, -3), (2, 9), RED)
    assert [canvas.pixel(x, 3) for x in range(4)] == [WHITE, WHITE, RED, RED]
    canvas.bar((-5, 1), (-2, 2), BLACK)
    assert canvas.pixel(0, 1) == WHITE


def test_a_dot_is_full_in_the_middle_and_soft_at_its_edge() -> None:
    canvas = Canvas(21, 21)
    canvas.dot((10.5, 10.5), 5, BLACK)
    assert canvas.pixel(10, 10) == BLACK
    assert canvas.pixel(2, 10) == WHITE
    assert 0 < canvas.pixel(5, 10)[0] < 255
    assert canvas.pixel(5, 10) == canvas.pixel(15, 10)


def test_a_line_goes_through_its_points() -> None:
    canvas = Canvas(20, 20)
    canvas.line([(2, 2), (17, 2), (17, 17)], BLACK, 3)
    assert canvas.pixel(9, 2) == canvas.pixel(17, 9) == BLACK
    assert canvas.pixel(9, 9) == WHITE


def inked(canvas: Canvas) -> tuple[int, int, int, int]:
    """The smallest box around what is not paper."""
    places = [
        (x, y)
        for x in range(canvas.width)
        for y in range(canvas.height)
        if canvas.pixel(x, y) != WHITE
    ]
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return min(xs), min(ys), max(xs), max(ys)


def test_a_text_stands_where_it_is_put() -> None:
    text, size = "Host 1.25", 16.0
    wide = text_width(text, size)
    for anchor, left in ((0.0, 120.0), (MIDDLE, 120 - wide / 2), (RIGHT, 120 - wide)):
        canvas = Canvas(260, 40)
        canvas.text((120, 30), text, BLACK, size, anchor)
        box = inked(canvas)
        assert box[0] == pytest.approx(left, abs=3)
        assert box[2] == pytest.approx(left + wide, abs=3)
        assert box[1] == pytest.approx(30 - size, abs=3)
        assert box[3] == pytest.approx(30, abs=3)


def test_every_letter_is_drawn_and_no_two_are_alike() -> None:
    drawn = {letter: strokes.strokes(letter) for letter in strokes.GLYPHS}
    assert all(drawn.values())
    assert len(set(drawn.values())) >= len(drawn) - 1  # "I" and "l" are one stroke
    points = [p for letter in drawn.values() for stroke in letter for p in stroke]
    assert all(-1 <= x <= 6 and -1 <= y <= 11 for x, y in points)
    assert strokes.strokes(" ") == ()
    assert strokes.strokes("\u20ac") == strokes.strokes("\u00df")
