"""`sortition doctor` and `sortition validate`, as they are typed."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import ssl
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from support.documents import campaign, experiment, project, settings, variation
from support.sink import Answer, BlackHole, Sink, free_url

from sortition import _engine
from sortition._commands.checking.process import process_findings
from sortition.testing import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.certificates import Certificates

KEY = "0123456789abcdef"
ACCOUNT = ("--account-id", "604812", "--sdk-key", KEY)
GOOD = json.dumps(settings()).encode()
BROKEN = json.dumps(
    settings(campaign(1, "a"), campaign(2, "b", variations=[variation(1, "A", -1)]))
).encode()
Found = list[dict[str, Any]]


def sortition(
    *arguments: str, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    proxies = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in proxies}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "sortition", *arguments],
        env={**kept, **environment},
        input=given,
        capture_output=True,
        timeout=100,
        check=False,
    )


def doctor(*arguments: str, **environment: str) -> tuple[int, Found]:
    done = sortition("doctor", "--json", *arguments, given=b"", **environment)
    assert done.stderr == b""
    assert KEY.encode() not in done.stdout
    told = json.loads(done.stdout)
    assert told["ok"] is (done.returncode == 0)
    return done.returncode, told["findings"]


def faults(found: Found) -> list[tuple[str, str]]:
    return [(one["check"], one["found"]) for one in found if one["level"] == "fault"]


@contextlib.contextmanager
def serving(body: bytes, status: int = 200, **headers: str) -> Iterator[Sink]:
    with Sink() as sink:
        sink.answer = lambda _: Answer(status, body, headers)
        yield sink


@contextlib.contextmanager
def secure(authority: trustme.CA, *names: str, **options: Any) -> Iterator[str]:
    """The URL of a server with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    with Sink(context=context) as sink:
        sink.answer = lambda _: Answer(200, GOOD)
        yield sink.url.replace("http://", "https://")


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    """An authority, and the path of its bundle."""
    made = trustme.CA()
    path = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(str(path))
    return made, str(path)


class TestFaults:
    """Each of these is found, by its name, and with something to do about it."""

    def found(self, url: str, *arguments: str, **environment: str) -> tuple[str, str]:
        options = ("--base-url", url, "--timeout", "10", *(arguments or ACCOUNT))
        code, found = doctor(*options, **environment)
        assert code == 1
        (one,) = faults(found)
        assert all(each["advice"] for each in found if each["level"] == "fault")
        return one

    def test_a_name_that_does_not_exist(self) -> None:
        check, words = self.found("http://no-such-host.invalid")
        assert check == "name"
        assert words.startswith("no-such-host.invalid: ")

    def test_nobody_listens(self) -> None:
        assert self.found(free_url())[0] == "connection"

    def test_a_server_that_hangs(self) -> None:
        with BlackHole() as hole:
            options = ("--base-url", hole.url, "--timeout", "0.5", *ACCOUNT)
            code, found = doctor(*options)
        assert code == 1
        assert faults(found)[0][0] == "answer"

    def test_an_authority_that_nobody_trusts(self, authority: tuple[trustme.CA, str]) -> None:
        with secure(authority[0], "127.0.0.1") as url:
            check, words = self.found(url)
        assert check == "tls"
        assert "unable to get local issuer certificate" in words

    def test_a_certificate_for_another_name(self, authority: tuple[trustme.CA, str]) -> None:
        with secure(authority[0], "other.example") as url:
            check, words = self.found(url, REQUESTS_CA_BUNDLE=authority[1])
        assert check == "tls"
        assert "certificate is not valid for '127.0.0.1'" in words

    def test_a_certificate_that_expired(self, authority: tuple[trustme.CA, str]) -> None:
        then = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        with secure(authority[0], "127.0.0.1", not_after=then) as url:
            check, words = self.found(url, REQUESTS_CA_BUNDLE=authority[1])
        assert check == "tls"
        assert "certificate has expired" in words

    def test_a_bundle_that_is_not_there(self, authority: tuple[trustme.CA, str]) -> None:
        with secure(authority[0], "127.0.0.1") as url:
            check, words = self.found(url, REQUESTS_CA_BUNDLE="/none.pem")
        assert (check, words) == ("tls", "/none.pem cannot be read: No such file or directory")

    def test_a_bundle_that_a_server_without_tls_does_not_need(self) -> None:
        """A client would not launch with it either."""
        with serving(GOOD) as sink:
            check, words = self.found(sink.url, REQUESTS_CA_BUNDLE="/none.pem")
        wanted = "the variable REQUESTS_CA_BUNDLE: there is no CA bundle at '/none.pem'"
        assert (check, words) == ("tls", wanted)

    def test_a_server_without_tls(self) -> None:
        with serving(GOOD) as sink:
            check, _ = self.found(sink.url.replace("http://", "https://"))
        assert check == "tls"

    def test_a_proxy_that_is_down(self) -> None:
        proxy = free_url()
        check, words = self.found(
            "http://settings.example", HTTP_PROXY=proxy, NO_PROXY="", no_proxy=""
        )
        assert check == "connection"
        assert words.startswith(proxy.removeprefix("http://"))

    def test_a_proxy_that_asks_for_a_password(self, made: Certificates) -> None:
        with Proxy(credentials=("ann", "secret")) as proxy:
            environment = {"HTTPS_PROXY": proxy.url, "NO_PROXY": "", "no_proxy": ""}
            check, words = self.found("https://settings.example", **environment)
        assert check == "proxy"
        assert "status 407" in words
        assert made.authority.exists()

    @pytest.mark.parametrize("off_s", [-3600, 3600])
    def test_a_clock_that_is_wrong(self, off_s: int) -> None:
        with serving(GOOD) as sink:
            at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=off_s)
            said = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
            handler = sink._server.RequestHandlerClass
            handler.date_time_string = lambda *_: said  # type: ignore[attr-defined]
            check, words = self.found(sink.url)
        assert check == "clock"
        assert ("behind" if off_s > 0 else "ahead of") in words

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_a_key_that_is_refused(self, status: int) -> None:
        with serving(b"", status) as sink:
            check, words = self.found(sink.url)
        assert check == "key"
        assert f"status {status}" in words

    def test_a_gateway_that_redirects(self) -> None:
        with serving(b"", 302, Location="http://login.example/") as sink:
            assert self.found(sink.url)[0] == "answer"

    def test_a_server_that_fails(self) -> None:
        with serving(GOOD, 503) as sink:
            assert "status 503" in self.found(sink.url)[1]

    def test_a_page_in_place_of_settings(self) -> None:
        with serving(b"<html>Log in, please</html>") as sink:
            check, words = self.found(sink.url)
        assert check == "settings"
        assert "expected JSON" in words

    def test_a_broken_campaign(self) -> None:
        with serving(BROKEN) as sink:
            check, words = self.found(sink.url)
        assert check == "settings"
        assert words.startswith("campaigns[1].variations[0].weight: expected")

    def test_settings_of_another_account(self) -> None:
        with serving(GOOD) as sink:
            check, words = self.found(sink.url, "--account-id", "5", "--sdk-key", KEY)
        assert check == "settings"
        assert "another account" in words

    def test_a_settings_file_that_is_broken(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        path.write_bytes(BROKEN[:-20])
        with serving(GOOD) as sink:
            check, words = self.found(sink.url, *ACCOUNT, "--settings", str(path))
        assert check == "file"
        assert "expected JSON" in words

    def test_a_project_s_key_that_is_refused(self) -> None:
        named = ("--sdk-account-id", "acct1-US", "--project-name", "Project One", "--sdk-key", KEY)
        with serving(b"", 401) as sink:
            assert self.found(sink.url, *named)[0] == "key"
        assert sink.paths == ["/psfullstacksdk/updateprojectsettings"]


class TestGood:
    def test_vwo(self) -> None:
        with serving(GOOD) as sink:
            code, found = doctor("--base-url", sink.url, *ACCOUNT)
        assert code == 0
        assert {one["check"]: one["level"] for one in found}.items() >= {
            "python": "ok",
            "engine": "ok",
            "proxy": "ok",
            "name": "ok",
            "connection": "ok",
            "clock": "ok",
            "key": "ok",
            "settings": "ok",
        }.items()

    def test_over_tls_and_by_a_proxy(self, authority: tuple[trustme.CA, str]) -> None:
        with secure(authority[0], "127.0.0.1") as url, Proxy() as proxy:
            code, found = doctor(
                "--base-url",
                url,
                *ACCOUNT,
                HTTPS_PROXY=proxy.url,
                NO_PROXY="",
                no_proxy="",
                REQUESTS_CA_BUNDLE=authority[1],
            )
        assert (code, faults(found)) == (0, [])
        assert "tls" in {one["check"] for one in found}
        assert len(proxy.passages) == 2

    def test_pagesense(self) -> None:
        body = json.dumps(project()).encode()
        named = ("--sdk-account-id", "acct1-US", "--project-name", "Project One")
        with serving(body) as sink:
            code, found = doctor("--base-url", sink.url, *named, SORTITION_SDK_KEY=KEY)
        assert (code, faults(found)) == (0, [])
        assert found[-1]["found"] == "project Project One, 1 experiment"

    def test_without_an_account_it_looks_at_the_machine(self) -> None:
        code, found = doctor()
        assert code == 0
        assert found[-1]["level"] == "note"

    def test_for_people(self) -> None:
        with serving(b"", 401) as sink:
            done = sortition("doctor", "--base-url", sink.url, *ACCOUNT)
        assert done.returncode == 1
        lines = done.stdout.decode().splitlines()
        assert any(line.startswith("FAULT   key ") for line in lines)
        assert KEY not in done.stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--account-id", "5"), "no SDK key was given: pass --sdk-key, or set SORTITION_SDK_KEY"),
        (("--account-id", "5", "--sdk-key", ""), "no SDK key was given: pass --sdk-key"),
        (("--sdk-account-id", "5-US"), "no SDK key was given: pass --sdk-key, or set SORTITION_"),
        (("--account-id", "5", "--sdk-key", "a b"), "sdk_key: must be letters"),
        (("--sdk-account-id", "5-US", "--sdk-key", "a"), "project_name: is required"),
        (("--base-url", "ftp://x"), "base_url: must start with http"),
        (("--settings", "/none.json"), "/none.json: No such file or directory"),
    ],
)
def test_misused(arguments: tuple[str, ...], complaint: str) -> None:
    done = sortition("doctor", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert complaint in done.stderr.decode()


class TestTheProcess:
    """Fake modules simulate an environment that the tests do not have."""

    def found(self) -> dict[str, str]:
        found = process_findings(_engine.load())
        return {one.check: one.found for one in found if one.level == "fault"}

    def test_a_gevent_that_has_patched_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkey = types.ModuleType("gevent.monkey")
        patched = {"socket", "ssl", "time", "select", "queue"}
        monkey.is_module_patched = patched.__contains__  # type: ignore[attr-defined]
        gevent = types.ModuleType("gevent")
        gevent.monkey = monkey  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "gevent", gevent)
        monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
        assert "not threading" in self.found()["gevent"]
        patched.add("threading")
        assert self.found() == {}

    def test_a_uwsgi_without_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        uwsgi = types.ModuleType("uwsgi")
        uwsgi.opt = {b"master": True}  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
        assert "without threads" in self.found()["fork"]
        uwsgi.opt[b"enable-threads"] = True
        assert self.found() == {}


class TestValidate:
    @pytest.mark.parametrize("engine", ["compiled", "pure"])
    @pytest.mark.parametrize(
        ("document", "code", "shown"),
        [
            (GOOD, 0, "-: usable: version 1, 1 campaign (vwo)"),
            (b"\xef\xbb\xbf" + GOOD, 0, "usable"),
            (BROKEN, 1, "  campaigns[1].variations[0].weight: expected a number from 0"),
            (b"{}", 1, "-: not usable (vwo)"),
            (b"<html>", 1, "expected JSON"),
            (json.dumps(project()).encode(), 0, "project Project One, 1 experiment (pagesense)"),
            (
                json.dumps(project(experiment(), experiment(2, variations=[]))).encode(),
                1,
                "projectsettings[0].experiments[1].variations: expected",
            ),
        ],
    )
    def test_a_document(self, engine: str, document: bytes, code: int, shown: str) -> None:
        done = sortition("validate", "--engine", engine, "-", given=document)
        assert (done.returncode, done.stderr) == (code, b"")
        assert shown in done.stdout.decode()
        assert KEY not in done.stdout.decode()

    def test_json(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        path.write_bytes(BROKEN)
        done = sortition("validate", "--json", str(path))
        told = json.loads(done.stdout)
        assert done.returncode == 1
        assert (told["file"], told["platform"]) == (str(path), "vwo")
        assert (told["usable"], told["good"]) == (True, False)
        assert told["problems"][0]["path"] == "campaigns[1].variations[0].weight"

    def test_one_that_cannot_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        path.write_bytes(BROKEN)
        done = sortition("validate", "/none.json", str(path))
        assert done.returncode == 2
        assert "/none.json: No such file" in done.stderr.decode()
        assert "campaigns[1]" in done.stdout.decode()

    def test_the_other_platform_s(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        path.write_bytes(GOOD)
        done = sortition("validate", "--platform", "pagesense", str(path))
        assert done.returncode == 1
        assert "found one of VWO" in done.stdout.decode()


def test_the_faults_are_twelve_at_least() -> None:
    named: list[Callable[..., object]] = [
        one for name, one in vars(TestFaults).items() if name.startswith("test_")
    ]
    assert len(named) >= 12
