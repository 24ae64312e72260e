"""The command lines of ``sortition validate`` and ``sortition doctor``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition import _engine
from sortition._base.defaults import KEY_VARIABLE
from sortition._base.errors import OptionError
from sortition._base.options import checked_base_url
from sortition._commands.checking.document import findings_of, platform_of, verdict_on
from sortition._commands.checking.finding import Finding
from sortition._commands.checking.printing import print_findings, print_verdict
from sortition._http.limits import MOST_SETTINGS_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sortition._commands.checking.document import Platform
    from sortition._engine import Engine
    from sortition._http.transport import Request

_FAILED: Final = 1
_MISUSED: Final = 2
_PLATFORMS: Final = ("vwo", "pagesense")
_TIMEOUT_S: Final = 5.0


def add_validate(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command ``validate``."""
    parser = add_parser(
        "validate",
        help="check a settings file",
        description="Check settings files as a client reads them. The exit code is 0 if there are "
        "only warnings or nothing, 1 if there are problems, and 2 if a file is not readable.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a settings file; - for standard input"
    )
    parser.add_argument(
        "--platform", choices=_PLATFORMS, help="the platform of the files (detected)"
    )
    parser.add_argument("--engine", choices=("auto", "compiled", "pure"), default="auto")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_validate)


def add_doctor(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command ``doctor``."""
    parser = add_parser(
        "doctor",
        help="find out why settings do not arrive",
        description="Check this machine, the connection to the platform, the key and the settings. "
        "The exit code is 0 for no fault, 1 for a fault, and 2 for wrong arguments. The key may be "
        f"in the environment variable {KEY_VARIABLE}.",
    )
    parser.add_argument("--account-id", metavar="ID", help="the account of VWO")
    parser.add_argument(
        "--sdk-account-id", metavar="ACCOUNT-DC", help="the account of PageSense, such as 12345-US"
    )
    parser.add_argument("--project-name", metavar="NAME", help="the project of PageSense")
    parser.add_argument("--sdk-key", metavar="KEY", help="the secret key")
    parser.add_argument("--settings", metavar="FILE", help="check this settings file too")
    parser.add_argument("--base-url", metavar="URL", help="the platform's address, if different")
    parser.add_argument(
        "--timeout", type=_timeout, default=_TIMEOUT_S, help="seconds for each step (5)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_doctor)


def _validate(given: argparse.Namespace) -> int:
    try:
        engine = _engine.load(given.engine)
    except ImportError as error:
        return _complain(_engine.why_not_compiled(error))
    code = 0
    for name in given.files:
        try:
            document = _content_of(name)
        except OSError as error:
            code = _complain(f"{name}: {error.strerror or 'cannot be read'}")
            continue
        verdict = verdict_on(document, given.platform or platform_of(document), engine)
        print_verdict(name, verdict, sys.stdout, as_json=given.json)
        if not verdict.is_good:
            code = max(code, _FAILED)
    return code


def _doctor(given: argparse.Namespace) -> int:
    try:
        asked = _asked(given)
        document = None if given.settings is None else _content_of(given.settings)
    except OptionError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{given.settings}: {error.strerror or 'cannot be read'}")
    engine = _engine.load()
    findings = _findings(engine, document, asked, given.timeout)
    return 0 if print_findings(findings, sys.stdout, as_json=given.json) else _FAILED


def _findings(
    engine: Engine,
    document: bytes | None,
    asked: tuple[Request, Platform, str] | None,
    timeout_s: float,
) -> Iterator[Finding]:
    from sortition._commands.checking.process import process_findings  # noqa: PLC0415

    yield from process_findings(engine)
    if document is not None:
        verdict = verdict_on(document, platform_of(document), engine)
        yield from findings_of(verdict, "file")
    if asked is None:
        yield Finding(
            "answer", "note", "give an account and a key to ask the platform for settings"
        )
        return
    # Imported here, as `requests` is where settings are fetched.
    from sortition._commands.checking.network import network_findings  # noqa: PLC0415
    from sortition._commands.checking.server import server_findings  # noqa: PLC0415

    request, platform, account = asked
    is_reachable = True
    for finding in network_findings(request.url, timeout_s):
        is_reachable &= finding.level != "fault"
        yield finding
    if is_reachable:
        yield from server_findings(request, platform, account, engine, timeout_s)


def _asked(given: argparse.Namespace) -> tuple[Request, Platform, str] | None:
    """What to ask the platform for: the request, the platform, and the account or project.

    Raises:
        OptionError: Something is missing or invalid.
    """
    key = given.sdk_key or os.environ.get(KEY_VARIABLE)
    base_url = None if given.base_url is None else checked_base_url(given.base_url)
    if not key and (given.sdk_account_id is not None or given.account_id is not None):
        raise OptionError(f"no SDK key was given: pass --sdk-key, or set {KEY_VARIABLE}")
    if given.sdk_account_id is not None:
        from sortition._pagesense.constants import DATA_CENTERS  # noqa: PLC0415
        from sortition._pagesense.credentials import credentials_of  # noqa: PLC0415
        from sortition._pagesense.platform import first_request  # noqa: PLC0415

        credentials, center = credentials_of(
            given.sdk_account_id, key, given.project_name, is_needed=True
        )
        if credentials is None or center is None:
            raise OptionError("sdk_account_id: is required")
        url = base_url or f"https://{DATA_CENTERS[center]}"
        request = first_request(url, credentials)
        return request, "pagesense", credentials.project_name
    if given.account_id is not None:
        from sortition._vwo.constants import DEFAULT_BASE_URL  # noqa: PLC0415
        from sortition._vwo.credentials import credentials_of as vwo_credentials_of  # noqa: PLC0415
        from sortition._vwo.wire import settings_request  # noqa: PLC0415

        known = vwo_credentials_of(given.account_id, key)
        request = settings_request(base_url or DEFAULT_BASE_URL, known)
        return request, "vwo", str(known.account_id)
    return None


def _content_of(name: str) -> bytes:
    file = sys.stdin.buffer if name == "-" else None
    if file is None:
        with Path(name).open("rb") as opened:
            content = opened.read(MOST_SETTINGS_BYTES + 1)
    else:
        content = file.read(MOST_SETTINGS_BYTES + 1)
    if len(content) > MOST_SETTINGS_BYTES:
        raise OSError(None, "it is larger than a settings file may be")
    return content.removeprefix(b"\xef\xbb\xbf")


def _timeout(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 600:  # noqa: PLR2004 -- nobody waits longer
        raise argparse.ArgumentTypeError("must be a number of seconds, at most 600")
    return value


def _complain(text: str) -> int:
    sys.stderr.write(f"sortition: {text}\n")
    return _MISUSED
