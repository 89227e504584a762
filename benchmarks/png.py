# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture in memory, with smooth lines, dots and text, and its bytes as PNG.

Places and sizes are in points of `scale` pixels; (0, 0) is the left upper corner.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence

from benchmarks import strokes

Colour = tuple[int, int, int]
Point = tuple[float, float]
LEFT, MIDDLE, RIGHT = 0.0, 0.5, 1.0
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_WIDE, _WEIGHT = 1.15, 0.115  # of letters: against their height
_SHADES = 6  # of an edge: few, so that the file is small
_RGB8 = (8, 2, 0, 0, 0)  # bits, colour type, compression, filters, interlacing


def encode(width: int, height: int, pixels: bytes) -> bytes:
    """PNG of rows of red, green and blue bytes."""
    step = 3 * width
    if len(pixels) != step * height:
        raise ValueError(f"{len(pixels)} bytes are not {width} x {height} pixels")
    rows = (b"\0" + pixels[at : at + step] for at in range(0, len(pixels), step))
    head = struct.pack(">2I5B", width, height, *_RGB8)
    parts = [
        (b"IHDR", head),
        (b"IDAT", zlib.compress(b"".join(rows), 9)),
        (b"IEND", b""),
    ]
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def text_width(text: str, size: float) -> float:
    """How wide a text is whose capitals are `size` high."""
    return strokes.width(text) * size / strokes.CAPITAL * _WIDE


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


class Canvas:
    """What is drawn later lies above."""

    def __init__(
        self, width: int, height: int, scale: int = 1, paper: Colour = (255, 255, 255)
    ) -> None:
        self.width, self.height, self.scale = width * scale, height * scale, scale
        self.pixels = bytearray(bytes(paper) * (self.width * self.height))

    def png(self) -> bytes:
        """The picture as a file."""
        return encode(self.width, self.height, bytes(self.pixels))

    def pixel(self, x: int, y: int) -> Colour:
        """The colour of one pixel."""
        at = 3 * (y * self.width + x)
        red, green, blue = self.pixels[at : at + 3]
        return red, green, blue

    def bar(self, corner: Point, other: Point, colour: Colour) -> None:
        """A filled rectangle, to the next pixel."""
        ends = [round(each * self.scale) for each in (*corner, *other)]
        left, right = self._inside(sorted(ends[::2]), self.width)
        top, foot = self._inside(sorted(ends[1::2]), self.height)
        row = bytes(colour) * (right - left)
        for y in range(top, foot):
            at = 3 * (y * self.width + left)
            self.pixels[at : at + len(row)] = row

    def line(self, points: Sequence[Point], colour: Colour, thick: float = 1.0) -> None:
        """A line with round ends through points; one point is a dot."""
        scaled = [(x * self.scale, y * self.scale) for x, y in points]
        cover: dict[int, float] = {}
        for start, end in zip(scaled, scaled[1:] or scaled):
            self._segment(start, end, thick * self.scale / 2, cover)
        for at, part in cover.items():
            self._blend(at, colour, round(part * _SHADES) / _SHADES)

    def dot(self, at: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.line([at], colour, 2 * radius)

    def text(
        self,
        at: Point,
        text: str,
        colour: Colour,
        size: float = 8.0,
        anchor: float = LEFT,
    ) -> None:
        """A text with capitals of `size`; it stands on `at`, its left or its right."""
        unit = size / strokes.CAPITAL
        x, y = at[0] - anchor * text_width(text, size), at[1] - strokes.FOOT * unit
        for letter in text:
            for stroke in strokes.strokes(letter):
                points = [(x + a * unit * _WIDE, y + b * unit) for a, b in stroke]
                self.line(points, colour, _WEIGHT * size)
            x += strokes.advance(letter) * unit * _WIDE

    @staticmethod
    def _inside(ends: Sequence[int], most: int) -> tuple[int, int]:
        return max(0, ends[0]), min(most, ends[1])

    def _segment(
        self, start: Point, end: Point, radius: float, cover: dict[int, float]
    ) -> None:
        """How much of each pixel a segment covers, by how far its centre is from it."""
        reach = radius + 1
        xs, ys = sorted((start[0], end[0])), sorted((start[1], end[1]))
        left, right = math.floor(xs[0] - reach), math.ceil(xs[1] + reach)
        top, foot = math.floor(ys[0] - reach), math.ceil(ys[1] + reach)
        for y in range(max(0, top), min(self.height, foot)):
            for x in range(max(0, left), min(self.width, right)):
                part = radius + 0.5 - _distance((x + 0.5, y + 0.5), start, end)
                at = 3 * (y * self.width + x)
                if part > cover.get(at, 0.0):
                    cover[at] = min(part, 1.0)

    def _blend(self, at: int, colour: Colour, cover: float) -> None:
        for part in range(3):
            old = self.pixels[at + part]
            self.pixels[at + part] = round(old + (colour[part] - old) * cover)


def _distance(point: Point, start: Point, end: Point) -> float:
    """Of a point from a segment."""
    along = (end[0] - start[0], end[1] - start[1])
    squared = along[0] ** 2 + along[1] ** 2
    away = (point[0] - start[0], point[1] - start[1])
    part = 0.0
    if squared:
        part = min(1.0, max(0.0, (away[0] * along[0] + away[1] * along[1]) / squared))
    return math.hypot(away[0] - part * along[0], away[1] - part * along[1])
