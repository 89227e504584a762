# SPDX-License-Identifier: GPL-2.0-or-later
"""A font of strokes for the picture: each letter is lines and curves on a small grid.

A stroke is points of two hexadecimal digits, x and y: y is 0 at the top of
capitals, 3 at that of small letters, 8 at the foot and a below it. `~` makes a curve
through the points, `@` one that is closed.
"""

from __future__ import annotations

from functools import cache

Point = tuple[float, float]
CAPITAL, FOOT = 8, 8  # how high, and where letters stand
_GAP, _SPACE, _STEPS = 2.0, 3.0, 6
_BOWL = "@1323353628180605"
GLYPHS = {
    "0": "@204246280602",
    "1": "022028",
    "2": "~02204234 3408 0848",
    "3": "~01204224 ~24462807",
    "4": "38300646",
    "5": "400004 ~0423452807",
    "6": "~401205 @234546280605",
    "7": "004018",
    "8": "@20422402 @24462806",
    "9": "@204243250302 ~433608",
    "A": "082048 1535",
    "B": "080020 ~204224 2404 ~244628 2808",
    "C": "~412003052847",
    "D": "080020 ~20434528 2808",
    "E": "40000848 0434",
    "F": "400008 0434",
    "G": "~412003052847 474525",
    "H": "0008 4048 0444",
    "I": "0008",
    "J": "4046 ~462806",
    "K": "0008 4005 1448",
    "L": "000848",
    "M": "0800244048",
    "N": "08004840",
    "O": "@204345280503",
    "P": "080020 ~204224 2404",
    "Q": "@204345280503 2648",
    "R": "080020 ~204224 2404 2448",
    "S": "~41200224462807",
    "T": "0040 2028",
    "U": "0005 ~052845 4540",
    "V": "002840",
    "W": "0018233840",
    "X": "0048 4008",
    "Y": "0024 4024 2428",
    "Z": "00400848",
    "a": f"{_BOWL} 3338",
    "b": f"{_BOWL} 0008",
    "c": "~3423130506182837",
    "d": f"{_BOWL} 3038",
    "e": "0535 ~3523130506182837",
    "f": "~302012 1218 0323",
    "g": f"{_BOWL} 3338 ~382a1a09",
    "h": "0008 ~05132335 3538",
    "i": "0308 0101",
    "j": "1318 ~180a 1111",
    "k": "0008 3306 1538",
    "l": "0008",
    "m": "0308 ~051325 2528 ~253345 4548",
    "n": "0308 ~05132335 3538",
    "o": _BOWL,
    "p": f"{_BOWL} 030a",
    "q": f"{_BOWL} 333a",
    "r": "0308 ~051323",
    "s": "~34231304152637281807",
    "t": "1117 ~172838 0333",
    "u": "0306 ~06182836 3338",
    "v": "032843",
    "w": "0318243843",
    "x": "0338 3308",
    "y": "0328 431a",
    "z": "03330838",
    ".": "1818",
    ",": "281a",
    ":": "0404 0808",
    ";": "1414 180a",
    "-": "0535",
    "_": "0949",
    "+": "2327 0545",
    "=": "0444 0646",
    "/": "4008",
    "|": "000a",
    "(": "~200428",
    ")": "~002408",
    "<": "410447",
    ">": "014407",
    "'": "0002",
    '"': "0002 2022",
    "%": "5008 @10211201 @46574837",
    "*": "2226 0343 0145",
    "&": "~48021023 ~23052846",
    "!": "0005 0808",
    "?": "~01204225 2828",
}
_UNKNOWN = "0040480800"


@cache
def strokes(letter: str) -> tuple[tuple[Point, ...], ...]:
    """The lines of a letter; a box for one that nobody has drawn."""
    found = []
    for word in GLYPHS.get(letter, _UNKNOWN).split() if letter != " " else []:
        digits = word.lstrip("~@")
        pairs = zip(digits[::2], digits[1::2])
        points = [(float(int(x, 16)), float(int(y, 16))) for x, y in pairs]
        curved = word != digits
        found.append(tuple(_curve(points, closed=word[0] == "@") if curved else points))
    return tuple(found)


def advance(letter: str) -> float:
    """How far the next letter is."""
    points = [point for stroke in strokes(letter) for point in stroke]
    return max((x for x, _ in points), default=_SPACE - _GAP) + _GAP


def width(text: str) -> float:
    """Of a text, on the grid."""
    return sum(advance(letter) for letter in text) - _GAP if text else 0.0


def _curve(points: list[Point], *, closed: bool) -> list[Point]:
    """A Catmull-Rom spline through the points."""
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    around = [*ends[0], *points, *ends[1]]
    found = [around[1]]
    for at in range(len(around) - 3):
        for step in range(1, _STEPS + 1):
            found.append(_between(around[at : at + 4], step / _STEPS))
    return found


def _between(four: list[Point], t: float) -> Point:
    """A point of the spline between the second and the third."""
    x, y = (
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t * t
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(*four)
    )
    return x, y
