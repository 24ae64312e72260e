"""A client loses no message, and logs none twice."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import project, settings
from support.sink import Answer, Sink, free_url

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ["compiled", "pure"]
PLATFORMS = ["vwo", "pagesense"]
PROGRAM = f"""
import logging, sys
from sortition import PLATFORM
engine = sys.argv[1]
if "PLATFORM" == "vwo":
    def launch(**options):
        document = {json.dumps(settings())!r}
        return vwo.launch(document, engine=engine, is_development_mode=True, **options)
    def mistake(client, number=42):
        assert client.activate("checkout", number) is None
    def ordinary(client):
        assert client.get_variation_name("checkout", "Ann")
else:
    def launch(**options):
        options = {{"data_center": "EU", "is_development_mode": True, **options}}
        return pagesense.launch({json.dumps(project())!r}, engine=engine, **options)
    def mistake(client, number=42):
        assert client.activate_experiment("Test 1", number) is None
    def ordinary(client):
        assert client.get_variation_name("Test 1", "Ann")
class Handler(logging.Handler):
    def emit(self, record):
        print(record.levelname, record.getMessage())
"""
KEY = "0123456789abcdef"
USER = "ann@example.com"
MISTAKE = {
    "vwo": "activate: user_id must be a string, got int",
    "pagesense": "activate_experiment: user_id must be a string, got int",
}


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(program: str, platform: str, folder: Path, engine: str = "compiled") -> tuple[str, str]:
    """The output and the errors of a program that has not configured logging."""
    text = PROGRAM.replace("PLATFORM", platform) + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text, engine],
        cwd=folder,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


class TestWithoutLoggingConfigured:
    def test_python_prints_warnings_and_errors_and_nothing_less(
        self, platform: str, tmp_path: Path
    ) -> None:
        program = """
            client = launch()
            ordinary(client)
            mistake(client)
            client.close()
            ordinary_after_close = client.get_variation_name("a", "b")
        """
        out, err = run(program, platform, tmp_path)
        assert (out, err) == ("", f"{MISTAKE[platform]}\n")

    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_level_given_at_launch_shows_the_messages_of_that_level(
        self, platform: str, engine: str, tmp_path: Path
    ) -> None:
        """Each with its level and its logger, as the default format of `logging` has them."""
        program = """
            client = launch(log_level=logging.DEBUG)
            ordinary(client)
            mistake(client)
            client.close()
            mistake(client)
        """
        out, err = run(program, platform, tmp_path, engine)
        assert out == ""
        lines = err.splitlines()
        assert f"ERROR:sortition.{platform}:{MISTAKE[platform]}" in lines
        assert any(line.startswith(f"DEBUG:sortition.{platform}:") for line in lines)
        assert len(set(lines)) == len(lines)

    def test_a_level_given_at_launch_holds_back_what_is_less(
        self, platform: str, tmp_path: Path
    ) -> None:
        program = "client = launch(log_level=logging.CRITICAL); mistake(client)"
        if platform == "vwo":
            program = "client = launch(log_level=logging.ERROR); ordinary(client)"
        assert run(program, platform, tmp_path) == ("", "")

    def test_a_logger_of_the_caller_takes_all_of_it(self, platform: str, tmp_path: Path) -> None:
        program = """
            class Logger:
                def log(self, level, message):
                    print(level, message)
            client = launch(logger=Logger(), log_level=logging.ERROR)
            ordinary(client)
            mistake(client)
        """
        out, err = run(program, platform, tmp_path)
        assert (out, err) == (f"40 {MISTAKE[platform]}\n", "")

    def test_standard_error_that_is_gone_costs_nothing(self, platform: str, tmp_path: Path) -> None:
        program = """
            client = launch(log_level=logging.DEBUG)
            for gone in (None, open("closed", "w")):
                if gone: gone.close()
                sys.stderr = gone
                mistake(client)
                ordinary(client)
            sys.stderr = sys.__stderr__
        """
        assert run(program, platform, tmp_path) == ("", "")

    def test_a_program_that_turns_messages_off_gets_none(
        self, platform: str, tmp_path: Path
    ) -> None:
        for turn_off in (
            "logging.disable()",
            "logging.getLogger('sortition').addHandler(logging.NullHandler())",
            f"logging.getLogger('sortition.{platform}').disabled = True",
        ):
            program = f"client = launch(log_level=logging.DEBUG); {turn_off}\nmistake(client)"
            assert run(program, platform, tmp_path) == ("", "")


class TestOnceLoggingIsConfigured:
    @pytest.mark.parametrize("level", ["", "log_level=logging.DEBUG"])
    @pytest.mark.parametrize("name", ["", "sortition", "sortition.{platform}"])
    def test_no_message_appears_twice(
        self, platform: str, tmp_path: Path, level: str, name: str
    ) -> None:
        """Wherever the handler is, standard error gets nothing more."""
        name = name.format(platform=platform)
        program = f"""
            logging.getLogger({name!r}).addHandler(Handler())
            client = launch({level})
            mistake(client)
        """
        out, err = run(program, platform, tmp_path)
        assert (out, err) == (f"ERROR {MISTAKE[platform]}\n", "")

    @pytest.mark.parametrize("level", ["", "log_level=logging.ERROR"])
    def test_a_mistake_that_was_made_before_is_told_again_at_once(
        self, platform: str, tmp_path: Path, level: str
    ) -> None:
        """And from then on as any mistake that recurs: not with every call."""
        program = f"""
            client = launch({level})
            for _ in range(5):
                mistake(client)
            logging.getLogger().addHandler(Handler())
            for _ in range(5):
                mistake(client)
        """
        out, err = run(program, platform, tmp_path)
        assert out == f"ERROR {MISTAKE[platform]} (5 times since this was last logged)\n"
        assert err.count(MISTAKE[platform]) == 1

    def test_the_level_of_the_program_s_loggers_still_counts(
        self, platform: str, tmp_path: Path
    ) -> None:
        """`log_level` only ever holds back; it makes no logger more talkative."""
        program = """
            logging.getLogger().addHandler(Handler())
            client = launch(log_level=logging.DEBUG)
            ordinary(client)
        """
        assert run(program, platform, tmp_path) == ("", "")


class TestDebug:
    """Level DEBUG says what the client asks of servers, and what they answer."""

    @pytest.fixture
    def server_is_asked(self, platform: str, caplog: pytest.LogCaptureFixture) -> str:
        """Everything that is logged while settings are fetched and an event is sent."""
        caplog.set_level(logging.DEBUG, logger="sortition")
        with Sink() as sink:
            if platform == "vwo":
                document = json.dumps(settings()).encode()
                sink.answer = lambda _: Answer(body=document)
                client: Any = vwo.launch(account_id=604812, sdk_key=KEY, base_url=sink.url)
                assert client.activate("checkout", USER)
            else:
                document = json.dumps(project()).encode()
                sink.answer = lambda _: Answer(body=document)
                client = pagesense.launch(
                    sdk_account_id="acct1-EU",
                    sdk_key=KEY,
                    project_name="Project One",
                    base_url=sink.url,
                    poll_interval_s=0,
                )
                assert client.activate_experiment("Test 1", USER)
                assert client.flush()
            client.close()
            assert len(sink.received) == 2
        return caplog.text

    def test_each_exchange_is_logged(self, server_is_asked: str) -> None:
        assert server_is_asked.count(": sending ") == 2
        assert len(re.findall(r"(GET|POST) http://\S+: status 200 after", server_is_asked)) == 2

    def test_neither_keys_nor_users_are_in_it(self, server_is_asked: str) -> None:
        assert KEY not in server_is_asked
        assert USER not in server_is_asked
        assert "?" not in "".join(re.findall(r"http://\S+", server_is_asked))

    def test_a_failure_is_logged_by_its_class(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="sortition")
        with vwo.launch(settings(), base_url=free_url()) as client:
            client.activate("checkout", USER)
        assert re.search(r"GET http://\S+track-user: \w+Error after", caplog.text)


def test_a_logger_whose_messages_would_have_to_be_awaited(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A plain function that returns a coroutine cannot be told at launch; messages are not lost."""

    async def later() -> None: ...

    class Logger:
        def log(self, *_: object) -> object:
            return later()

    with vwo.launch(settings(), logger=Logger(), is_development_mode=True) as client:
        client.activate("checkout", "")
        client.activate("checkout", 5)  # type: ignore[arg-type]
    assert caplog.messages[:2] == [
        "the given logger is async, and nobody awaits it",
        "activate: user_id must not be empty",
    ]
    assert len(caplog.messages) == 3
