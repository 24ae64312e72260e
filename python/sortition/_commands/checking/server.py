"""Checks the answer of the settings server: its clock, the key, the document."""

from __future__ import annotations

import dataclasses
import email.utils
import time
from typing import TYPE_CHECKING, Final

from sortition._base.errors import OptionError
from sortition._commands.checking.document import findings_of, verdict_on
from sortition._commands.checking.finding import Finding
from sortition._http.answers import TOO_MANY, Meaning, is_redirect, is_refusal, meaning_of, words_of
from sortition._http.limits import MOST_SETTINGS_BYTES
from sortition._http.pool import Deadline, SenderPool, SendingError
from sortition._http.transport import RequestsTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._commands.checking.document import Platform
    from sortition._engine import Engine
    from sortition._http.transport import Request, Response

_CLOCK_WARNING_S: Final = 30.0
_CLOCK_FAULT_S: Final = 300.0


def server_findings(
    request: Request, platform: Platform, account: str, engine: Engine, timeout_s: float
) -> Iterator[Finding]:
    """Ask for the settings as a client does.

    Args:
        request: The request.
        platform: The platform.
        account: The account or project.
        engine: Reads the settings.
        timeout_s: How long the answer may take.
    """
    try:
        transport = RequestsTransport()
    except OptionError as error:
        advice = "set the variable to an existing file, or unset it"
        yield Finding("tls", "fault", str(error), advice)
        return
    pool = SenderPool(transport, most_senders=1)
    try:
        asked = dataclasses.replace(request, most_answer_bytes=MOST_SETTINGS_BYTES, needs_body=True)
        response = pool.send(asked, Deadline(timeout_s))
    except SendingError as error:
        yield Finding("answer", "fault", f"{request.url}: {error}", "see the findings above")
        return
    finally:
        pool.close()
        transport.close()
    clock = _clock_finding(response)
    if clock is not None:
        yield clock
    yield from _answer_findings(request, response, platform, account, engine)


def _clock_finding(response: Response) -> Finding | None:
    try:
        at = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
    except (TypeError, ValueError):
        return Finding("clock", "note", "the server does not send its time")
    # The server's time has whole seconds and is a little old: less than two means nothing.
    ahead_s = time.time() - at.timestamp()
    direction = "ahead of" if ahead_s > 0 else "behind"
    found = f"this machine is {abs(ahead_s):.0f} seconds {direction} the server"
    advice = "set the clock, for example with NTP: events contain the time"
    if abs(ahead_s) >= _CLOCK_FAULT_S:
        return Finding("clock", "fault", found, advice)
    if abs(ahead_s) >= _CLOCK_WARNING_S:
        return Finding("clock", "warning", found, advice)
    return Finding("clock", "ok", "agrees with the server's")


def _answer_findings(
    request: Request, response: Response, platform: Platform, account: str, engine: Engine
) -> Iterator[Finding]:
    status, url = response.status, request.url
    if is_refusal(status):
        advice = "check that account and key belong to the environment and are still valid"
        yield Finding("key", "fault", f"{url}: the server refuses (status {status})", advice)
        return
    if is_redirect(status):
        advice = "check for a gateway or a login page in between; redirects are not followed"
        yield Finding("answer", "fault", f"{url}: {words_of(response)}", advice)
        return
    if meaning_of(status) is not Meaning.ACCEPTED:
        advice = "ask less often" if status == TOO_MANY else "try again later; see the base URL"
        yield Finding("answer", "fault", f"{url}: status {status}", advice)
        return
    if not response.is_whole:
        yield Finding(
            "answer", "fault", f"{url}: too long, too slow or incomplete", "see the network"
        )
        return
    yield Finding("key", "ok", f"the server answers (status {status})")
    verdict = verdict_on(response.body.removeprefix(b"\xef\xbb\xbf"), platform, engine)
    yield from findings_of(verdict, "settings")
    if verdict.account is not None and verdict.account != account:
        found = "the settings belong to another account or project"
        yield Finding("settings", "fault", found, "check that account and key belong together")
