"""The conformance vectors of PageSense, through both engines.

Where the project chose otherwise than the published SDK, the clause of the specification's "Our
choices" is named; everything else is as it was recorded.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.sink import Answer
from support.vectors import pagesense

import sortition
from sortition.pagesense import launch

if TYPE_CHECKING:
    from support.sink import Sink

    from sortition._engine import Engine
    from sortition._engine.pagesense import Settings

HASHES = pagesense("hash-buckets")
DECISIONS = pagesense("decisions")
DOCUMENTS = {case["id"]: case for case in pagesense("settings-builder-options")["documents"]}


def user_id_of(case: dict[str, Any]) -> str:
    """A user's id, which the vectors write in three ways."""
    if "user_id_repeat" in case:
        return str(case["user_id_repeat"]["unit"] * case["user_id_repeat"]["count"])
    if "user_id_utf16_units" in case:
        return "".join(map(chr, case["user_id_utf16_units"]))
    return str(case["user_id"])


def test_hashes_and_buckets(engine: Engine) -> None:
    """A user whose id cannot be encoded has bucket 0 and no hash."""
    assert len(HASHES["vectors"]) == HASHES["count"] == 227
    for case in HASHES["vectors"]:
        key, user_id = case["experiment_key"], user_id_of(case)
        assert engine.module.pagesense_bucket(key, user_id) == case["bucket"], case["id"]
        hash_ = case["murmur3_x86_32_seed0"]
        if hash_ is not None:
            seed_string = f"{key}_{user_id}".encode()
            assert len(seed_string) == case["hash_input_utf8_len"]
            assert engine.module.murmur3_32(seed_string, 0) == hash_, case["id"]


def test_raw_hashes(engine: Engine) -> None:
    assert len(HASHES["raw_hash_vectors"]) == HASHES["raw_hash_count"] == 53
    for case in HASHES["raw_hash_vectors"]:
        data = bytes.fromhex(case["input_hex"])
        assert engine.module.murmur3_32(data, case["seed"]) == case["murmur3_x86_32"], case


def settings_of(engine: Engine, name: str) -> Settings:
    document = json.dumps(DECISIONS["settings"][name]).encode()
    return engine.module.PagesenseSettings.compile(document)


def test_ranges(engine: Engine) -> None:
    """The ranges of every experiment that was recorded, as compiled and as computed."""
    settings = settings_of(engine, "traffic")
    wanted = DECISIONS["variation_ranges"]
    assert len(wanted) == len(settings.experiments) == 23
    for experiment in settings.experiments:
        ranges = [[one.first_bucket, one.last_bucket] for one in experiment.variations]
        found = [
            {
                "variation_key": variation.key,
                "variation_name": variation.name,
                "start": variation.first_bucket,
                "end": variation.last_bucket,
            }
            for variation in experiment.variations
        ]
        assert found == wanted[experiment.name], experiment.name
        shares = [variation.traffic_distribution for variation in experiment.variations]
        computed = engine.module.pagesense_ranges(experiment.permitted_traffic, shares)
        assert [list(ends) for ends in computed] == ranges


class Storage:
    """A user storage as the vectors had it: always the same answer to a look-up."""

    def __init__(self, recorded: dict[str, Any]) -> None:
        self.answer = recorded["lookup_returns"]
        self.raises = recorded.get("lookup_raises", False)
        self.lookups = 0
        self.saved: list[dict[str, str]] = []

    def look_up(self) -> object:
        self.lookups += 1
        if self.raises:
            raise OSError("the storage is away")
        return self.answer


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def returned(engine: Engine, case: dict[str, Any], storage: Storage | None) -> str | None:
    """A client's result: its own checks, the look-ups and the save."""
    user_id, name = case["user_id"], case["experiment"]
    # Section 7.3: a client refuses these before it decides.
    if not is_text(user_id) or not is_text(name) or case.get("context") == "null":
        return None
    settings = settings_of(engine, case["settings"])
    module = engine.module

    def read() -> Any:
        assert storage is not None
        try:
            return module.PagesenseProfile.read(storage.look_up())
        except OSError:
            return None

    by_link_name = case["call"].endswith("_by_identifier")
    options: dict[str, Any] = {"named_by": "link_name" if by_link_name else "name"}
    options["has_user_storage"] = storage is not None
    decision = settings.decide(name, user_id, case["attributes"], **options)
    if decision.needs_profile:
        profile = read() or module.PagesenseProfile.read(None)
        decision = settings.decide(name, user_id, case["attributes"], profile, **options)
    assert not decision.needs_profile
    if decision.variation is None:
        assert not decision.saves_assignment
        return None
    assert decision.experiment is not None
    if decision.saves_assignment and storage is not None and (stored := read()) is not None:
        keys = (decision.experiment.key, decision.variation.key)
        text = stored.with_assignment(user_id, *keys)
        storage.saved.append({"user_id": user_id, "json": text})
    return decision.variation.link_name if by_link_name else decision.variation.name


def wanted_saves(case: dict[str, Any]) -> list[dict[str, str]]:
    """What a client saves in a case with a storage.

    D13: a profile that the SDK could not read kept it from saving. Ours is replaced; in none of
    these profiles is there an entry of another experiment to be kept.
    """
    wanted: list[dict[str, str]] = case["expect"]["saved"]
    wanted_to_save = case["expect"]["lookups"] == 2 and not case["storage"].get("lookup_raises")
    if not wanted_to_save or wanted:
        return wanted
    entry = {"experiment_key": "st1", "variation_key": "v1"}
    profile = {"user_id": case["user_id"], "experiments": [entry]}
    return [{"user_id": case["user_id"], "json": json.dumps(profile)}]


def test_every_decision_is_there() -> None:
    assert len(DECISIONS["cases"]) == DECISIONS["count"] == 335
    cold = [case for case in DECISIONS["cases"] if case["evaluator_state"] == "cold"]
    assert len(cold) == 3


@pytest.mark.parametrize("group", DECISIONS["counts_by_group"])
def test_decisions(engine: Engine, group: str) -> None:
    cases = [case for case in DECISIONS["cases"] if case["group"] == group]
    assert len(cases) == DECISIONS["counts_by_group"][group]
    for case in cases:
        expect = case["expect"]
        storage = None if case["storage"] is None else Storage(case["storage"])
        # D1: the first evaluation in a process is like every other, which refuses these users.
        wanted = None if case["evaluator_state"] == "cold" else expect["returns"]
        assert returned(engine, case, storage) == wanted, case["id"]
        if storage is not None:
            assert storage.lookups == expect["lookups"], case["id"]
            assert storage.saved == wanted_saves(case), case["id"]
        if "bucket" in expect:
            key = key_of(case)
            bucket = engine.module.pagesense_bucket(key, case["user_id"])
            assert bucket == expect["bucket"], case["id"]


def key_of(case: dict[str, Any]) -> str:
    """The key of the experiment that a case names in one way or the other."""
    (project,) = DECISIONS["settings"][case["settings"]]["projectsettings"]
    (key,) = {
        one["experiment_key"]
        for one in project["experiments"]
        if case["experiment"] in (one["experiment_name"], one["experiment_link_name"])
    }
    return str(key)


def ids(first: int, last: int) -> list[str]:
    return [f"s{number:03}" for number in range(first, last + 1)]


EXPERIMENT_SET_ASIDE = frozenset([*ids(28, 40), "s042", "s045", "s053", "s055"])
"""D15: the SDK refused these documents for one broken experiment, which costs no other here."""
AUDIENCE_SET_ASIDE = frozenset(ids(75, 77))
"""D15: the SDK refused these documents for an audience that no experiment refers to."""
NO_USABLE_EXPERIMENT = frozenset([*ids(68, 72), "s074"])
"""D15: a wrong value in a variation, here of both experiments, sets its experiment aside."""
GOAL_OF_ONE_EXPERIMENT = frozenset(["s041", "s046", "s047"])
"""D15: the SDK refused these documents for a goal of one experiment, which serves without it."""
GOAL_OF_EVERY_EXPERIMENT = frozenset(ids(82, 85))
"""D15: the SDK refused these documents for their only goal; every experiment serves without it."""
LANGUAGE_KEY_AS_TEXT = "s059"
"""``language_key`` may be a number or text."""
IS_PRIMARY_GOAL_AS_TEXT = "s048"
"""A goal whose ``is_primary_goal`` is no boolean is not counted; the SDK kept a nameless one."""


def wanted_experiments(case: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The outcome for a document's experiments; None if the document is refused."""
    baseline: list[dict[str, Any]] = DOCUMENTS["s001"]["parsed_experiments"]
    if case["id"] in NO_USABLE_EXPERIMENT:
        return None
    if case["id"] in EXPERIMENT_SET_ASIDE:
        return baseline[1:]
    if case["id"] in GOAL_OF_ONE_EXPERIMENT:
        return [{**baseline[0], "goals": []}, *baseline[1:]]
    if case["id"] in GOAL_OF_EVERY_EXPERIMENT:
        return [{**one, "goals": []} for one in baseline]
    if case["id"] in AUDIENCE_SET_ASIDE or case["id"] == LANGUAGE_KEY_AS_TEXT:
        return baseline
    if not case["client_created"]:
        return None
    # D15: an experiment that the SDK keeps without a key is set aside here.
    wanted = [one for one in case["parsed_experiments"] if one["map_key"]]
    if case["id"] == IS_PRIMARY_GOAL_AS_TEXT:
        return [{**wanted[0], "goals": []}, *wanted[1:]]
    return wanted


def test_every_document_is_there() -> None:
    assert len(DOCUMENTS) == 103


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(engine: Engine, name: str) -> None:
    """Which documents load, and what becomes of them. Statuses (D10) are the client's affair."""
    case = DOCUMENTS[name]
    wanted = wanted_experiments(case)
    document = case["body"].encode()
    if wanted is None:
        with pytest.raises(sortition.SettingsError) as error:
            engine.module.PagesenseSettings.compile(document)
        assert error.value.problems
        return
    settings = engine.module.PagesenseSettings.compile(document)
    found = [
        {
            "map_key": experiment.link_name,
            "experiment_name": experiment.name,
            "experiment_key": experiment.key,
            "status": experiment.status,
            "audiences": list(experiment.audiences),
            "goals": [[mapped.goal.name, mapped.is_primary] for mapped in experiment.goals],
            "variations": [
                [one.key, one.name, one.first_bucket, one.last_bucket]
                for one in experiment.variations
            ],
        }
        for experiment in settings.experiments
    ]
    assert found == wanted
    for experiment_name, variation_name in variations_of(case, settings).items():
        decision = settings.decide(experiment_name, "user1", {"Browser": "Chrome"})
        variation = decision.variation
        assert (None if variation is None else variation.name) == variation_name
    is_aside = len(found) < 2
    in_experiments = "projectsettings[0].experiments[0]"
    assert is_aside is any(
        problem.consequence == "experiment_set_aside" and problem.path.startswith(in_experiments)
        for problem in settings.problems
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_from_a_server(engine: Engine, sink: Sink, name: str) -> None:
    """The same for a client that is launched with each, and D10: only with a 2xx status."""
    case = DOCUMENTS[name]
    sink.answer = lambda _: Answer(case["server_status"], case["body"].encode())
    wanted = wanted_experiments(case) if case["server_status"] == 200 else None
    # One that is not used is asked for again until the time is over; any other comes at once.
    timeout_s = 0.5 if wanted is None else 60.0
    options: Any = {"base_url": sink.url, "engine": engine.name, "init_timeout_s": timeout_s}
    launched = functools.partial(
        launch, sdk_account_id="acct1-US", sdk_key="k", project_name="Project One", **options
    )
    if wanted is None:
        with pytest.raises(sortition.SettingsUnavailableError):
            launched()
        return
    with launched() as client:
        explained = client.explain(wanted[0]["experiment_name"], "user1", {"Browser": "Chrome"})
        assert explained is not None
        assert explained.experiment_key == wanted[0]["experiment_key"]


def variations_of(case: dict[str, Any], settings: Settings) -> dict[str, str | None]:
    """The variation of user1 in each experiment; the usual one if the clauses accept more."""
    usual: dict[str, str | None] = DOCUMENTS["s001"]["get_variation_name"]
    if case["id"] == LANGUAGE_KEY_AS_TEXT or not case["client_created"]:
        return {one.name: usual[one.name] for one in settings.experiments}
    recorded: dict[str, str | None] = case["get_variation_name"]
    return recorded
