"""What only POSIX has is not needed to import, to decide and to send: Windows has none of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sortition
from sortition.collector import server

DEMO = Path(sortition.__file__).parent / "demo" / "settings.json"

# Removes from the standard library what Python for Windows lacks, before sortition is imported. The
# modules of the standard library are imported first: some of them choose once.
TAKEN_AWAY = """
import asyncio, concurrent.futures, http.server, json, logging, multiprocessing, os, random, select
import signal, socket, ssl, subprocess, sys, tempfile, threading, uuid, requests

for name in "fcntl grp posix pty pwd resource syslog termios tty".split():
    sys.modules[name] = None
for module, names in {
    os: '''
        chown fchmod fchown fork forkpty getegid geteuid getgid getloadavg getpgid getuid killpg
        mkfifo nice posix_fadvise posix_fallocate pread pwrite register_at_fork sched_getaffinity
        setsid statvfs sysconf uname wait O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK
    ''',
    select: "epoll poll",
    signal: '''
        alarm getitimer pthread_kill pthread_sigmask setitimer sigwait
        SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2
    ''',
    socket: "AF_UNIX MSG_DONTWAIT SO_REUSEPORT",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
    supported.clear()
"""

IMPORTS = """
import importlib, pkgutil
import sortition

for module in pkgutil.walk_packages(sortition.__path__, "sortition."):
    if module.name != "sortition.__main__":
        importlib.import_module(module.name)
"""

DECIDE_AND_SEND = """
from pathlib import Path
from sortition import vwo

engine, url, folder = sys.argv[1:]
cache = Path(folder, "settings")
for batch in (None, {"events_per_request": 10, "request_time_interval": 60}):
    with vwo.launch(
        account_id=604812,
        sdk_key="demo0f3b6c1a9d724e58b1c7",
        base_url=url,
        engine=engine,
        batch_events=batch,
        settings_cache=str(cache),
        poll_interval_s=60,
    ) as client:
        for user in ("Ann", "Ben", "Cid"):
            variation = client.get_variation_name("checkout", user)
            assert variation in ("Control", "One page"), variation
            assert client.activate("checkout", user) == variation
            assert client.track("checkout", user, "purchase", revenue_value=1)
        assert client.explain("checkout", "Ann")
        assert client.flush_events() or batch is None
        assert client.status().engine == engine
        assert client.stats().delivered == {"visitor": 3, "conversion": 3}, client.stats()
    assert cache.exists()
"""


def run(program: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "error", "-c", TAKEN_AWAY + program, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_module_is_imported() -> None:
    run(IMPORTS)


@pytest.mark.parametrize("engine", ["compiled", "pure"])
def test_a_client_decides_and_sends(engine: str, tmp_path: Path) -> None:
    """Events within the call and in batches, with a settings cache and polling."""
    with server.running(DEMO) as url:
        run(DECIDE_AND_SEND, engine, url, str(tmp_path))


def test_a_spool_is_refused_with_its_name() -> None:
    """The option that needs locks of files says at launch that it cannot work."""
    run(
        """
from sortition import vwo

folder = tempfile.mkdtemp()
os.name = "nt"
try:
    vwo.launch(
        {"version": 1, "accountId": 1, "sdkKey": "key", "campaigns": []},
        batch_events={"events_per_request": 10},
        spool=folder,
    )
except ValueError as error:
    assert "spool" in str(error), error
else:
    raise AssertionError("launched")
"""
    )
