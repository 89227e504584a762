# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that turn lines into lines: grep, cut, tr, head and the like.

Each gets its arguments and its input, and gives its status and its output. ValueError
means that it is used in a way that is not understood. Source: POSIX utilities.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from interpose.config.patterns import regular_expression
from interpose.config.streams import Input, joined, lines, options

Result = tuple[int, str]

_TR_CLASSES = {
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\f\v",
    "[:blank:]": " \t",
    "[:punct:]": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
}
_TR_CLASSES["[:alpha:]"] = _TR_CLASSES["[:upper:]"] + _TR_CLASSES["[:lower:]"]
_TR_CLASSES["[:alnum:]"] = _TR_CLASSES["[:digit:]"] + _TR_CLASSES["[:alpha:]"]
_GREP_LONG = {
    "--quiet": "-q", "--silent": "-q", "--ignore-case": "-i", "--invert-match": "-v",
    "--extended-regexp": "-E", "--fixed-strings": "-F", "--count": "-c",
    "--only-matching": "-o", "--word-regexp": "-w", "--line-regexp": "-x",
    "--no-messages": "-s", "--no-filename": "-h", "--files-with-matches": "-l",
}  # fmt: skip


def _grep(arguments: list[str], given: Input) -> Result:
    found, operands = options(
        arguments,
        "qivEFPGcowxshlm:e:",
        *(name[2:] for name in _GREP_LONG),
        "regexp=",
        "max-count=",
    )
    flags = {_GREP_LONG.get(option, option) for option, _ in found}
    patterns = [value for option, value in found if option in ("-e", "--regexp")]
    if not patterns:
        if not operands:
            raise ValueError("no pattern")
        patterns, operands = [operands[0]], operands[1:]
    limits = [int(v) for option, v in found if option in ("-m", "--max-count")]
    if "-P" in flags:
        raise ValueError("the option -P")
    matches = _matcher([p for text in patterns for p in text.split("\n")], flags)
    return _grep_files(matches, flags, operands, given, limits)


Matcher = Callable[[str], list[str]]


def _matcher(patterns: list[str], flags: set[str]) -> Matcher:
    """A function that gives the matching pieces of a line."""
    extended = "-E" in flags
    ignore = "-i" in flags
    compiled: list[re.Pattern[str]] = []
    for text in patterns:
        if "-F" in flags:
            one = re.compile(re.escape(text), re.IGNORECASE if ignore else 0)
        else:
            one = regular_expression(text, extended=extended, ignore_case=ignore)
        if "-w" in flags:
            one = re.compile(rf"(?<!\w)(?:{one.pattern})(?!\w)", one.flags)
        compiled.append(one)

    def pieces(line: str) -> list[str]:
        found: list[str] = []
        for one in compiled:
            if "-x" in flags:
                match = one.fullmatch(line)
                found += [match.group()] if match else []
            else:
                found += [match.group() for match in one.finditer(line)]
        return found

    return pieces


def _grep_files(
    matches: Matcher, flags: set[str], names: list[str], given: Input, limits: list[int]
) -> Result:
    status, output = 1, []
    named = len(names) > 1 and "-h" not in flags
    missing = False
    for name, text in zip(names or ["-"], given.texts(names)):
        if text is None:
            missing = True
            continue
        chosen: list[tuple[str, list[str]]] = []
        for line in lines(text):
            found = matches(line)
            if bool(found) != ("-v" in flags):
                chosen.append((line, found))
        chosen = chosen[: limits[0]] if limits else chosen
        status = 0 if chosen else status
        prefix = f"{name}:" if named else ""
        if "-l" in flags:
            output += [name] if chosen else []
        elif "-c" in flags:
            output.append(f"{prefix}{len(chosen)}")
        elif "-o" in flags:
            output += [prefix + p for _, found in chosen for p in found if p]
        else:
            output += [prefix + line for line, _ in chosen]
    if "-q" in flags:
        return (status if status == 0 or not missing else 2), ""
    return (2 if missing else status), joined(output)


def _positions(text: str) -> Callable[[int], bool]:
    """Which numbers a list like `1,3-5,7-` names."""
    ranges: list[tuple[int, int]] = []
    for item in text.split(","):
        match = re.fullmatch(r"([0-9]{0,6})(-?)([0-9]{0,6})", item)
        if not match or item in ("", "-"):
            raise ValueError("this list")
        first = int(match[1] or 1)
        last = int(match[3] or 1_000_000) if match[2] else first
        ranges.append((first, last))
    return lambda number: any(first <= number <= last for first, last in ranges)


def _cut(arguments: list[str], given: Input) -> Result:
    found, names = options(
        arguments,
        "d:f:c:b:s",
        "delimiter=",
        "fields=",
        "characters=",
        "only-delimited",
        "output-delimiter=",
    )
    values = dict(found)
    delimiter = values.get("-d", values.get("--delimiter", "\t"))
    between = values.get("--output-delimiter", delimiter)
    fields = values.get("-f", values.get("--fields"))
    characters = values.get("-c", values.get("-b", values.get("--characters")))
    wanted = _positions(fields or characters or "")
    only = "-s" in values or "--only-delimited" in values
    status, text = given.text(names)
    output: list[str] = []
    for line in lines(text):
        if fields is None:
            output.append("".join(c for n, c in enumerate(line, 1) if wanted(n)))
        elif delimiter not in line:
            output += [] if only else [line]
        else:
            pieces = enumerate(line.split(delimiter), 1)
            output.append(between.join(p for n, p in pieces if wanted(n)))
    return status, joined(output)


def _characters(text: str) -> str:
    """What an argument of tr stands for: ranges, classes, escapes."""
    found: list[str] = []
    at = 0
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    while at < len(text):
        match = re.compile(r"\[:[a-z]+:\]").match(text, at)
        if match:
            found.append(_TR_CLASSES[match.group()])
            at = match.end()
        elif (
            text[at] == "\\"
            and text[at + 1 : at + 2].isalnum()
            and (text[at + 1] not in escapes)
        ):
            raise ValueError("this escape")
        elif text[at] == "\\" and text[at + 1 : at + 2] in escapes:
            found.append(escapes[text[at + 1]])
            at += 2
        elif text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            found += [chr(c) for c in range(ord(text[at]), ord(text[at + 2]) + 1)]
            at += 3
        else:
            found.append(text[at])
            at += 1
    return "".join(found)


def _tr(arguments: list[str], given: Input) -> Result:
    found, sets = options(arguments, "cCds", "complement", "delete", "squeeze-repeats")
    long = {"--complement": "-c", "--delete": "-d", "--squeeze-repeats": "-s"}
    flags = {long.get(option, option).lower() for option, _ in found}
    try:
        first, *others = (_characters(text) for text in sets)
    except (KeyError, ValueError) as problem:
        raise ValueError("these sets") from problem
    second = others[0] if others else ""
    inside = set(first)

    def is_in(character: str) -> bool:
        return (character in inside) != ("-c" in flags)

    output: list[str] = []
    squeezed = set(second) if second else None
    for here in given.stdin:
        there = here
        if is_in(here):
            if "-d" in flags:
                continue
            if second and "-c" in flags:
                there = second[-1]
            elif second:
                there = second[min(first.rindex(here), len(second) - 1)]
        in_set = there in squeezed if squeezed is not None else is_in(there)
        if "-s" in flags and in_set and output and output[-1] == there:
            continue
        output.append(there)
    return 0, "".join(output)


def _count(arguments: list[str], letters: str) -> tuple[int, bool, list[str]]:
    """The number of lines that head and tail take, and the files."""
    if arguments and re.fullmatch(r"-[0-9]+", arguments[0]):
        arguments = ["-n", arguments[0][1:], *arguments[1:]]
    found, names = options(arguments, letters, "lines=", "bytes=")
    number, characters = 10, False
    for option, value in found:
        characters = option in ("-c", "--bytes")
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise ValueError("this number")
        number = int(value)
    return number, characters, names


def _head(arguments: list[str], given: Input) -> Result:
    number, characters, names = _count(arguments, "n:c:q")
    status, text = given.text(names)
    return status, text[:number] if characters else joined(lines(text)[:number])


def _tail(arguments: list[str], given: Input) -> Result:
    number, characters, names = _count(arguments, "n:c:q")
    status, text = given.text(names)
    found: str | list[str] = text if characters else lines(text)
    kept = found[max(0, len(found) - number) :]
    return status, kept if isinstance(kept, str) else joined(kept)


def _wc(arguments: list[str], given: Input) -> Result:
    found, names = options(arguments, "lwcm")
    if len(found) != 1 or len(names) > 1:
        raise ValueError("these options")
    status, text = given.text(names)
    counts = {"-l": text.count("\n"), "-w": len(text.split())}
    number = counts.get(found[0][0], len(text))
    return status, f"{number} {names[0]}\n" if names else f"{number}\n"


def _sort(arguments: list[str], given: Input) -> Result:
    found, names = options(arguments, "unrf")
    flags = {option for option, _ in found}
    status, text = given.text(names)

    def number(line: str) -> tuple[float, str]:
        match = re.match(r"\s*(-?[0-9]+(?:\.[0-9]+)?)", line)
        return float(match[1]) if match else 0.0, line

    def folded(line: str) -> tuple[float, str]:
        return 0.0, line.upper() if "-f" in flags else line

    rows = lines(text)
    rows = list(dict.fromkeys(rows)) if "-u" in flags else rows
    key = number if "-n" in flags else folded
    return status, joined(sorted(rows, key=key, reverse="-r" in flags))


def _uniq(arguments: list[str], given: Input) -> Result:
    if arguments:
        raise ValueError("these options")
    rows = lines(given.stdin)
    kept = [row for at, row in enumerate(rows) if not at or rows[at - 1] != row]
    return 0, joined(kept)


def _awk(arguments: list[str], given: Input) -> Result:
    """`[/pattern/] {print $N, ...}`, what most sites use it for."""
    found, operands = options(arguments, "F:")
    form = (
        r"\s*(?:/((?:[^/\\]|\\.)*)/)?\s*\{\s*print\s*((?:\$(?:[0-9]+|NF)[\s,]*)*)\}\s*"
    )
    match = re.fullmatch(form, operands[0] if operands else "")
    if not match:
        raise ValueError("this program")
    pattern = regular_expression(match[1] or "", extended=True)
    separator = dict(found).get("-F")
    wanted = re.findall(r"\$([0-9]+|NF)", match[2]) or ["0"]
    between = " " if "," in match[2] else ""
    status, text = given.text(operands[1:])
    output: list[str] = []
    for line in lines(text):
        if not pattern.search(line):
            continue
        one = separator is not None and len(separator) == 1 and separator != " "
        if separator is None or separator == " ":
            pieces = line.split()
        elif one:
            pieces = line.split(separator)
        else:
            pieces = regular_expression(separator, extended=True).split(line)
        whole = [line, *pieces]
        numbers = [len(pieces) if n == "NF" else int(n) for n in wanted]
        output.append(between.join(whole[n] if n < len(whole) else "" for n in numbers))
    return status, joined(output)


FILTERS: dict[str, Callable[[list[str], Input], Result]] = {
    "awk": _awk,
    "cut": _cut,
    "egrep": lambda arguments, given: _grep(["-E", *arguments], given),
    "fgrep": lambda arguments, given: _grep(["-F", *arguments], given),
    "grep": _grep,
    "head": _head,
    "sort": _sort,
    "tail": _tail,
    "tr": _tr,
    "uniq": _uniq,
    "wc": _wc,
}
