# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line `interpose`: a table of subcommands, imported on use.

Each module of the table offers `add_arguments(parser)` and `execute(args) -> int`.
This is the only place that turns an error into a line and an exit status.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import interpose
from interpose.commands.ending import ending_by_signal
from interpose.commands.streams import discard, open_closed
from interpose.errors import InterposeError, UsageError
from interpose.messages import nearest, one_line

DONE = 0
NO = 1
COULD_NOT = 125
INTERRUPTED = 130  # 128 + SIGINT
READER_GONE = 141  # 128 + SIGPIPE, as of a program that the signal ends


class Subcommand(NamedTuple):
    """One row: what the user types, the module that does it, one line of help.

    Without a module the program itself does it (native/launch/command.c).
    """

    name: str
    module: str | None
    summary: str
    hidden: bool = False


SUBCOMMANDS = (
    Subcommand("run", None, "run a command with /cvmfs filled, as interpose_run"),
    Subcommand("publish", "publish", "make or update a repository from a directory"),
    Subcommand("serve", "serve", "serve repositories on loopback, for trying out"),
    Subcommand("showconfig", "showconfig", "show each parameter and its origin"),
    Subcommand("probe", "probe", "open repositories and print what was found"),
    Subcommand("doctor", "doctor", "can this node run it, and how well?"),
    Subcommand("ls", "ls", "list a directory of a repository"),
    Subcommand("cat", "cat", "print files of a repository"),
    Subcommand("stat", "stat", "show what a repository knows about a path"),
    Subcommand("cp", "cp", "copy files or trees out of a repository"),
    Subcommand("cache", "cache", "count and list what caches hold; make them smaller"),
    Subcommand("fsck", "fsck", "check every object of a cache"),
    Subcommand("help", None, "explain a subcommand"),
    Subcommand(
        "trace", "trace", "print the records of interpose_run --trace", hidden=True
    ),
)

# Promised by the contract with users, and not there yet.
LATER = frozenset(
    "check diff gc history preload replicate report resign rollback tag".split()
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line like every other."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: `main` alone prints and exits."""
        text = message.replace("unrecognized arguments", "unknown option or argument")
        advice = self._meant(message) or f"see {self.prog} --help"
        raise UsageError(text, "", advice)

    def _meant(self, message: str) -> str:
        """The option that an unknown one looks like, as advice."""
        _, _, words = message.partition("unrecognized arguments: ")
        word = words.split("=", 1)[0].split(" ", 1)[0]
        near = nearest(word, self._option_string_actions) if word[:2] == "--" else None
        return "" if near is None else f"is {near} meant?"

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write help; argparse itself would swallow a full disk or a closed pipe."""
        (file or sys.stderr).write(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and give its exit status.

    0 done, 1 the answer is no, 2 usage, 125 could not do it, 130 interrupted, 141
    nobody reads standard output any more.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    verbosity = Verbosity()
    open_closed()
    try:
        with ending_by_signal():
            status = _dispatch(arguments, verbosity)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard(sys.stdout)
        return READER_GONE
    except InterposeError as error:
        _tell(error, verbosity)
        return error.exit_status
    except OSError as error:
        _tell(_from_os(error), verbosity)
        discard(sys.stdout)
        return COULD_NOT
    except MemoryError:
        advice = "is a limit too low: ulimit -v, -d?"
        _tell(InterposeError("no memory is left", "", advice), verbosity)
        return COULD_NOT
    except Exception as error:  # noqa: BLE001  one of the two places that may
        advice = "this is a bug of interpose; -vv shows where"
        _tell(InterposeError(_describe(error), "", advice), verbosity)
        return COULD_NOT
    return status


class Verbosity:
    """How often -v was given: 1 tells more, 2 adds tracebacks."""

    level = 0


def _dispatch(arguments: list[str], verbosity: Verbosity) -> int:
    own, name, rest = _split(arguments)
    parser = _overview()
    try:
        options = parser.parse_args(own)
        verbosity.level = options.verbose
        if name is None:
            raise UsageError("a subcommand is missing", "", "see interpose --help")
        row = _row(name)
        if row.module is None:
            raise UsageError("not without the program", name, f"type interpose {name}")
        module = importlib.import_module(f"interpose.commands.{row.module}")
        subparser = _parser_for(row)
        module.add_arguments(subparser)
        # Options may stand between words; argparse then loses what `--` says.
        mixes = "--" not in rest
        parse = subparser.parse_intermixed_args if mixes else subparser.parse_args
        parsed = parse(rest)
    except SystemExit as end:  # --help and --version, which argparse has answered.
        return end.code if isinstance(end.code, int) else DONE
    verbosity.level += parsed.verbose
    _configure_logging(verbosity.level)
    status: int = module.execute(parsed)
    return status


def _split(arguments: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Options before the subcommand, its name, what follows."""
    for position, word in enumerate(arguments):
        if not word.startswith("-"):
            return arguments[:position], word, arguments[position + 1 :]
    return arguments, None, []


def _row(name: str) -> Subcommand:
    for row in SUBCOMMANDS:
        if row.name == name:
            return row
    if name in LATER:
        raise InterposeError("subcommand not in this version", name)
    near = nearest(name, [row.name for row in SUBCOMMANDS], 0.5)
    advice = "see interpose --help" if near is None else f"is {near} meant?"
    raise UsageError("unknown subcommand", name, advice)


def _overview() -> Parser:
    shown = [row for row in SUBCOMMANDS if not row.hidden]
    width = max(len(row.name) for row in shown)
    lines = [f"  {row.name:<{width}}  {row.summary}" for row in shown]
    parser = Parser(
        prog="interpose",
        usage="interpose [-v] SUBCOMMAND [ARGUMENT...]",
        description="Look into, make and serve CernVM-FS repositories.",
        epilog="subcommands:\n" + "\n".join(lines) + "\n\n"
        "`interpose help SUBCOMMAND` explains one, with an example.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"interpose {interpose.__version__}"
    )
    _add_verbosity(parser)
    return parser


def _parser_for(row: Subcommand) -> Parser:
    parser = Parser(
        prog=f"interpose {row.name}",
        description=row.summary[0].upper() + row.summary[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_verbosity(parser)
    return parser


def _add_verbosity(parser: Parser) -> None:
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="say more; -vv also shows where an error comes from",
    )


def _configure_logging(verbosity: int) -> None:
    if verbosity == 0:
        return
    import logging  # noqa: PLC0415 - only -v asks

    level = logging.INFO if verbosity == 1 else logging.DEBUG
    logging.basicConfig(level=level, format="interpose: %(message)s", force=True)


def _tell(error: InterposeError, verbosity: Verbosity) -> None:
    text = f"interpose: {one_line(str(error))}\n"
    if verbosity.level >= 2:
        import traceback  # noqa: PLC0415 - only -vv asks

        text = traceback.format_exc() + text
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        discard(sys.stderr)  # Nobody reads it: the status must do.


def _from_os(error: OSError) -> InterposeError:
    what = error.strerror or str(error)
    where = "" if error.filename is None else os.fsdecode(error.filename)
    if error.errno == errno.EBADF and not where:
        return InterposeError("standard output is closed")
    if error.errno == errno.ENOSPC and not where:
        return InterposeError(what, "standard output or a file")
    return InterposeError(what, where)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
