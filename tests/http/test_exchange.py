"""One exchange: its deadline, and that no other takes its place."""

from __future__ import annotations

import contextvars

import pytest

from sortition._base.clock import now_s
from sortition._http.exchange import Exchange


def test_exchanges_that_share_a_thread_do_not_meet() -> None:
    """Greenlets have a context each, also where they are patched in after the import."""
    one, other = Exchange(now_s() + 60), Exchange(now_s() + 60)
    in_one, in_other = contextvars.copy_context(), contextvars.copy_context()
    in_one.run(one.__enter__)
    in_other.run(other.__enter__)
    assert in_one.run(Exchange.current) is one
    assert in_other.run(Exchange.current) is other
    in_one.run(one.__exit__, None, None, None)
    assert in_other.run(Exchange.current) is other
    in_other.run(other.__exit__, None, None, None)


def test_there_is_none_outside() -> None:
    """A connection that is used without an exchange would have no deadline."""
    with Exchange(now_s() + 60) as exchange:
        assert Exchange.current() is exchange
    with pytest.raises(LookupError):
        Exchange.current()


def test_no_wait_is_longer_than_what_is_left() -> None:
    """Nor of no time at all, which a socket takes for no wait; past the deadline it raises."""
    assert 0 < Exchange(now_s() + 60).wait_s() <= 60
    over = Exchange(now_s() - 1)
    assert over.is_over
    with pytest.raises(TimeoutError):
        over.wait_s()


def test_little_time_is_left_behind_the_status_line_of_events() -> None:
    """Only the status matters; of settings the content does."""
    for needs_body, longest_s in ((False, 0.5), (True, 60)):
        exchange = Exchange(now_s() + 60, needs_body=needs_body)
        exchange.note_request(is_reused=False)
        exchange.note_status(200)
        assert longest_s - 10 < exchange.wait_s() <= longest_s


def test_the_answer_to_a_tunnel_is_not_the_answer() -> None:
    """A proxy answers before the request begins."""
    exchange = Exchange(now_s() + 60)
    exchange.note_status(200)
    assert exchange.status is None
    assert exchange.wait_s() > 30
