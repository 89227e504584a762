# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions in, answers out: each question has a thread, of which no name has all.

Source: native/interpose.h (the channel).
"""

from __future__ import annotations

import errno
import mmap
import resource
import select
import socket
import threading

from interpose import courtesy, native
from interpose.errors import FormatError, InterposeError
from interpose.messages import Log, Messages
from interpose.repository.opening import NoSuchRepository
from interpose.repository.shelves import MemoryShelf
from interpose.resolver import handover
from interpose.resolver.answers import Answers
from interpose.resolver.channel import Question, pack_answer, unpack_question
from interpose.resolver.crew import Crew
from interpose.resolver.logfiles import LogFiles
from interpose.resolver.repositories import NotCovered, Repositories, job_errno
from interpose.resolver.settings import Settings

THREADS = 16
IDLE_S = 5.0
MESSAGE_BYTES = 1 << 18
# A value longer than the kernel lets an attribute be would not arrive.
_MOST_BODY_BYTES = 1 << 16

_log = Log(__name__)


class Loop:
    """Serves one channel until the tracer closes it."""

    def __init__(
        self, channel: socket.socket, settings: Settings, messages: Messages
    ) -> None:
        self._channel = channel
        self._messages = messages
        self._scratch = settings.scratch
        before = handover.take(settings.scratch)
        messages.was_told(before.seen)
        self._repositories = Repositories(
            settings.sources,
            settings.scratch,
            self._tell,
            before,
            refresh=settings.refresh,
        )
        self._repositories.begin = LogFiles(messages).open
        self._repositories.kept = settings.kept
        self._answers = Answers(settings, self._repositories)
        self._crew = Crew(self._take, self._handle, THREADS)
        self._buffers = threading.local()

    def run(self) -> None:
        """Answer until end of file; questions under way are then of no interest.

        Without a question for a while it ends by itself, too: the tracer starts another
        one for the next, which takes over what is left for it. Files in memory are ours
        to hold until the run ends. Errors: what no answer could be made of.
        """
        self._crew.start()
        while not self._crew.wait_for_end(IDLE_S):
            if not MemoryShelf.is_in_use and self._leave():
                break
        self._repositories.leave_quotas()

    def _take(self) -> tuple[str, Question] | None:
        """The next question that has an answer."""
        while True:
            message = self._receive()
            if not message:
                return None
            try:
                question = unpack_question(message)
            except FormatError as error:
                self._tell(str(error), "channel", "")
                continue
            if question.kind not in (native.HELLO, native.NOTE):
                return question.fqrn, question

    def _receive(self) -> bytes:
        """As `receive`, into memory that this thread keeps for it."""
        buffer = getattr(self._buffers, "own", None)
        if buffer is None:
            buffer = self._buffers.own = mmap.mmap(-1, MESSAGE_BYTES)
        try:
            return bytes(buffer[: self._channel.recv_into(buffer)])
        except ConnectionResetError:
            return b""

    def _leave(self) -> bool:
        """Leave everything for the next resolver; False if this one has to go on."""
        if self._scratch is None or self._answers.is_reading_ahead:
            return False
        left = self._repositories.handover(self._messages.told())
        try:
            handover.leave(
                self._scratch, left._replace(figures=self._answers.figures())
            )
        except OSError as error:
            _log.debug("no handover: %s", error)
            return False
        # What came meanwhile is answered; what comes from now on is asked again.
        has_come = select.select([self._channel], [], [], 0)[0]
        return not has_come and not self._crew.is_busy()

    def _handle(self, question: Question) -> None:
        is_named = bool(question.flags & native.QUESTION_NAMED)
        body = b""
        try:
            with courtesy.queue.turn():
                body = self._answers.answer(question)
            code = 0
        except InterposeError as error:
            if isinstance(error.__cause__, MemoryError):
                error.advice = error.advice or _advice_of_limits()
            code = job_errno(error, is_named=is_named)
            self._report(question, error, code)
        except Exception as error:  # noqa: BLE001 (the one place, as decided)
            _log.debug("question %d", question.id, exc_info=True)
            code = errno.EIO
            self._report(question, _unforeseen(error, question.fqrn), code)
        self._send(pack_answer(question.id, code, body[:_MOST_BODY_BYTES]))

    def _send(self, message: bytes) -> None:
        try:
            self._channel.send(message)
        except OSError as error:
            _log.debug("answer: %s", error)  # The tracer is gone; so are we, soon.

    def _report(self, question: Question, error: InterposeError, code: int) -> None:
        is_named = bool(question.flags & native.QUESTION_NAMED)
        if isinstance(error, (NotCovered, NoSuchRepository)) and not is_named:
            # Right as it may be: one line in a run, for who mistyped a name.
            self._tell(_text(error, question.fqrn), "no such repository", "")
            return
        if code == errno.ENODATA or (code == errno.ENOENT and not is_named):
            return
        _log.debug("%s", error, exc_info=error)
        self._repositories.failed(question.fqrn, str(error))
        shown = _with_doctor(error) if is_named else error
        self._tell(_text(shown, question.fqrn), _cause(error), question.fqrn)

    def _tell(self, text: str, cause: str, fqrn: str) -> None:
        self._messages.tell(text, cause=cause, repository=fqrn)


def receive(channel: socket.socket) -> bytes:
    """The next message, b"" at the end of the channel."""
    try:
        return channel.recv(MESSAGE_BYTES)
    except ConnectionResetError:
        return b""


def _unforeseen(error: Exception, fqrn: str) -> InterposeError:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError):
        text = "the resolver has no memory left"
    # Without memory any error can come, of any library.
    return InterposeError(text, fqrn, _advice_of_limits() or "-vv shows where")


def _advice_of_limits() -> str:
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    if any(resource.getrlimit(k)[0] != resource.RLIM_INFINITY for k in kinds):
        return "a limit may be too low: ulimit -v, -d"
    return ""


def _text(error: InterposeError, fqrn: str) -> str:
    """The line for an error; it names the repository."""
    if not fqrn or fqrn in str(error):
        return str(error)
    where = f"{fqrn} {error.where}".strip()
    return str(InterposeError(error.what, where, error.advice))


def _with_doctor(error: InterposeError) -> InterposeError:
    """The same for a run that does not start (in C: message_ill())."""
    advice = [
        part for part in (error.advice, "interpose_run --doctor says more") if part
    ]
    return InterposeError(error.what, error.where, "; ".join(advice))


def _cause(error: InterposeError) -> str:
    """What counts as the same cause: the class, and the kind of thing it is about."""
    kind = "object" if error.where.startswith("data/") else "repository"
    return f"{type(error).__name__} {kind}"
