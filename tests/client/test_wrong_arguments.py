"""Every public call takes arguments of a wrong number or kind without raising."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, project, settings, variation

from sortition import pagesense, vwo
from sortition.compat.pagesense import PageSenseClient, PageSenseUserContext

if TYPE_CHECKING:
    from sortition._engine import Engine

BATCHES = {"events_per_request": 5000, "request_time_interval": 600}
TARGETED = settings(
    campaign(
        isForcedVariationEnabled=True,
        percentTraffic=0,
        variations=[
            variation(1, "Control"),
            variation(2, "One page", segments={"and": [{"user": "bob"}]}),
        ],
    )
)
NOTHING: dict[str, object] = {
    "activate": None,
    "get_variation_name": None,
    "is_feature_enabled": False,
    "get_feature_variable_value": None,
    "track": None,
    "push": False,
    "flush_events": False,
    "flush": False,
    "set_opt_out": False,
    "get_and_update_settings_file": False,
    "handle_webhook": 503,
    "explain": None,
}
PAGESENSE_NOTHING: dict[str, object] = {
    "activate_experiment": None,
    "get_variation_name": None,
    "activate_experiment_by_identifier": None,
    "get_variation_link_name_by_identifier": None,
    "track_goal": None,
    "track_project_goal": None,
    "track_project_goal_by_identifier": None,
    "get_and_update_project_settings": False,
    "handle_webhook": 503,
    "flush": False,
    "explain": None,
}
COMPAT_NOTHING: dict[str, object] = {
    "activate_experiment": None,
    "get_variation_name": None,
    "activate_experiment_by_identifier": None,
    "get_variation_link_name_by_identifier": None,
    "track_goal": None,
    "track_goal_by_identifier": None,
    "get_and_update_project_settings": False,
    "close": None,
}
TOO_MANY = tuple(range(20))
ALWAYS = ("close", "stats", "status", "healthz")


def public_methods(of: type) -> set[str]:
    """The names of a class's methods that callers use."""
    return {name for name in dir(of) if not name.startswith("_") and callable(getattr(of, name))}


def test_the_tables_hold_every_call() -> None:
    assert public_methods(vwo.Client) == {*NOTHING, *ALWAYS}
    assert public_methods(pagesense.Client) == {*PAGESENSE_NOTHING, *ALWAYS}
    assert public_methods(PageSenseClient) == {*COMPAT_NOTHING}


@pytest.mark.parametrize("name", NOTHING)
def test_too_many_arguments_give_the_nothing_of_a_vwo_call(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client = vwo.launch(settings(), engine=engine.name, is_development_mode=True)
    assert client.get_variation_name("checkout", "Ann")
    assert getattr(client, name)(*TOO_MANY) == NOTHING[name]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{name}: takes ")
    assert record.getMessage().endswith(" given; options are given by name")
    assert client.get_variation_name("checkout", "Ann")


@pytest.mark.parametrize("name", PAGESENSE_NOTHING)
def test_too_many_arguments_give_the_nothing_of_a_pagesense_call(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client = pagesense.launch(project(), engine=engine.name, is_development_mode=True)
    assert client.get_variation_name("Test 1", "Ann")
    caplog.clear()
    assert getattr(client, name)(*TOO_MANY) == PAGESENSE_NOTHING[name]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{name}: takes ")


@pytest.mark.parametrize("name", COMPAT_NOTHING)
def test_too_many_arguments_give_the_nothing_of_a_call_of_the_other_names(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client = pagesense.launch(project(), engine=engine.name, is_development_mode=True)
    caplog.clear()
    assert getattr(PageSenseClient(client), name)(*TOO_MANY) == COMPAT_NOTHING[name]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{name}: takes ")
    assert client.get_variation_name("Test 1", "Ann")


@pytest.mark.parametrize("name", ALWAYS)
@pytest.mark.parametrize("given", [{}, {"x": 1}])
def test_what_answers_after_close_answers_whatever_it_is_given(
    engine: Engine, caplog: pytest.LogCaptureFixture, name: str, given: dict[str, int]
) -> None:
    """The wrong argument is logged, and left out."""
    for client in (
        vwo.launch(settings(), engine=engine.name, is_development_mode=True),
        pagesense.launch(project(), engine=engine.name, is_development_mode=True),
    ):
        caplog.clear()
        wanted = getattr(client, name)()
        arguments = () if given else TOO_MANY
        answer = getattr(client, name)(*arguments, **given)
        assert type(answer) is type(wanted)
        (record,) = (one for one in caplog.records if one.levelname == "ERROR")
        assert record.getMessage().startswith(f"{name}: ")
        assert record.getMessage().endswith("it is called without arguments")


class Text(str):
    """Text of the caller's own class, which raises whatever it is asked."""

    __slots__ = ()

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("asked")

    isascii = encode = __bool__ = __len__ = strip = __str__ = __eq__ = _fail  # type: ignore[assignment]
    __hash__ = str.__hash__


class Amount(float):
    """A number of the caller's own class, which raises whatever it is asked."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("asked")

    __float__ = __lt__ = __le__ = __ge__ = __eq__ = is_integer = _fail
    __hash__ = float.__hash__


def test_a_subclass_that_raises_counts_as_what_it_is(engine: Engine) -> None:
    """A text or a number of the caller's own class is read as the plain one."""
    client = vwo.launch(settings(), engine=engine.name, batch_events=BATCHES)
    wanted = client.get_variation_name("checkout", "bob")
    assert client.get_variation_name(Text("checkout"), Text("bob")) == wanted
    assert client.activate("checkout", Text("bob"), user_agent=Text("Firefox")) == wanted
    tracked = client.track("checkout", Text("bob"), "purchase", revenue_value=Amount(2.5))
    assert tracked == {"checkout": True}
    assert client.flush(Amount(0.0)) is False
    assert client.stats().refused == {}
    client.close(0)


class Hostile:
    """A key that has the hash of the user's id, and raises when it is compared."""

    def __hash__(self) -> int:
        return hash("_vwo_user_id")

    def __eq__(self, _other: object) -> bool:
        raise RuntimeError("compared")


def test_a_key_that_cannot_be_compared_hides_no_user_id(engine: Engine) -> None:
    client = vwo.launch(TARGETED, engine=engine.name)
    targeting: Any = {Hostile(): 1}
    assert (
        client.get_variation_name("checkout", "bob", variation_targeting_variables=targeting)
        == "One page"
    )


@pytest.mark.parametrize("length", [10_000, 10_001])
def test_a_user_id_has_at_most_10000_characters(
    engine: Engine, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    """A longer one is a bad argument, which is counted, on both platforms."""
    user = "é" * length
    client = vwo.launch(settings(), engine=engine.name, batch_events=BATCHES)
    other = pagesense.launch(project(), engine=engine.name, base_url="http://127.0.0.1:9")
    is_taken = length == 10_000
    assert (client.activate("checkout", user) is not None) is is_taken
    assert (other.activate_experiment("Test 1", user) is not None) is is_taken
    for stats in (client.stats(), other.stats()):
        assert stats.refused == ({} if is_taken else {"argument": {"visitor": 1}})
    assert ("user_id must have at most 10000 characters" in caplog.text) is not is_taken
    client.close(0)
    other.close(0)


def test_opting_out_with_an_argument_does_nothing(engine: Engine) -> None:
    """No True where nothing happened."""
    client = vwo.launch(settings(), engine=engine.name)
    assert client.set_opt_out(1) is False  # type: ignore[call-arg]
    assert client.get_variation_name("checkout", "Ann")
    assert client.set_opt_out() is True


def test_the_key_of_a_campaign_may_be_named_campaign_key(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = vwo.launch(settings(), engine=engine.name, is_development_mode=True)
    options: Any = {"campaign_key": "checkout", "user_id": "Ann", "goal_identifier": "purchase"}
    assert client.track(**options) == {"checkout": True}
    both: Any = {"campaign_key": "checkout"}
    assert client.track("checkout", "Ann", "purchase", **both) is None
    assert "got multiple values for argument 'campaign_specifier'" in caplog.text


def test_of_two_campaigns_of_one_key_a_list_credits_the_last(engine: Engine) -> None:
    """As the platform's SDK does; every other call takes the first."""
    document = settings(
        campaign(1, variations=[variation(1, "First", 100)]),
        campaign(2, variations=[variation(1, "Last", 100)]),
    )
    told: list[Any] = []

    class Integrations:
        def callback(self, properties: dict[str, Any]) -> None:
            told.append(properties["campaign_id"])

    client = vwo.launch(
        document, engine=engine.name, is_development_mode=True, integrations=Integrations()
    )
    assert client.track(["checkout"], "Ann", "purchase") == {"checkout": True}
    assert client.track("checkout", "Ann", "purchase") == {"checkout": True}
    assert client.activate("checkout", "Ann") == "First"
    assert told == [2, 1, 1]


def test_a_context_of_any_content_can_be_shown() -> None:
    assert repr(PageSenseUserContext("u", 2)) == (  # type: ignore[arg-type]
        "<PageSenseUserContext with unreadable attributes>"
    )


def test_the_status_says_why_most_calls_are_refused(engine: Engine) -> None:
    """A goal that was renamed in the platform loses every conversion."""
    client = vwo.launch(settings(), engine=engine.name, batch_events=BATCHES)
    words = "most calls of the last minute are refused: unknown_goal"
    assert client.activate("checkout", "Ann")
    client.track("checkout", "Ann", "purchased")
    client.track(None, "Ann", "purchased")
    assert client.status().reasons == (words,)
    assert client.status().state == "degraded"
    for number in range(5):
        client.activate("checkout", str(number))
    assert client.status().reasons == ()
    client.close(0)


def test_users_whom_a_campaign_leaves_out_are_no_reason(engine: Engine) -> None:
    document = settings(campaign(percentTraffic=0))
    client = vwo.launch(document, engine=engine.name, batch_events=BATCHES)
    for number in range(5):
        assert not client.track("checkout", str(number), "purchase")
    assert client.stats().refused == {"not_in_campaign": {"conversion": 5}}
    assert client.status().reasons == ()
    client.close(0)
