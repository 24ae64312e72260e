"""A program that uses the public surface; it must type-check with `mypy --strict` as it stands.

A line that must not is marked with the error that it must give.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

import sortition
from sortition import pagesense, storages, vwo


class Memory(vwo.UserStorage):
    """A storage that derives from ours."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, object]] = {}

    def get(self, user_id: str, campaign_key: str) -> dict[str, object] | None:
        return self.records.get((user_id, campaign_key))

    def set(self, user_data: dict[str, object]) -> None:
        self.records[str(user_data["userId"]), str(user_data["campaignKey"])] = user_data


class Plain:
    """A storage, a logger and an integration of a program that knows nothing of ours."""

    def get(self, user_id: str, campaign_key: str) -> None:
        return None

    def set(self, record: dict[str, object]) -> bool:
        return True

    def log(self, level: int, message: str) -> None:
        print(level, message)

    def callback(self, properties: dict[str, object]) -> None:
        print(properties)


def launch() -> vwo.Client:
    plain = Plain()
    vwo.launch("{}", plain, plain, True, integrations=plain)
    vwo.launch(Path("settings.json"), user_storage=Memory(), log_level=vwo.LOG_LEVELS.DEBUG)
    vwo.launch(b"{}", goal_type_to_track=vwo.GOAL_TYPES.CUSTOM, engine="pure")
    vwo.launch({"version": 1}, request_timeout_s=2, should_track_returning_user=True)
    vwo.launch(account_id=5, sdk_key="key", poll_interval_s=60, settings_cache=Path("cache"))
    vwo.launch(account_id="5", sdk_key="key", fallback_settings_file=b"{}", allow_empty=True)
    vwo.launch(5)  # E: arg-type
    vwo.launch(settings_cache=5)  # E: arg-type
    vwo.launch("{}", engine="rust")  # E: arg-type
    vwo.launch("{}", user_storage=5)  # E: arg-type
    vwo.launch("{}", goal_type_to_track="custom")  # E: arg-type
    kind: vwo.GoalType = "REVENUE"
    vwo.launch("{}", goal_type_to_track=kind, is_development_mode=None, engine=None)
    vwo.logger.setLevel(vwo.LOG_LEVELS.WARNING)
    vwo.launch("{}", goal_type="ALL")  # E: call-arg
    return vwo.launch(vwo.get_settings_file(1, "key", base_url="http://127.0.0.1"))


def keep(client: Redis, engine: Engine, async_engine: AsyncEngine) -> None:
    """Every storage that is ready to use serves both platforms."""
    ready = (
        storages.MemoryStorage(max_users=5),
        storages.SQLiteStorage("users.db"),
        storages.RedisStorage("redis://localhost", ttl_s=60, prefix="shop:"),
        storages.RedisStorage(client),
        storages.SQLAlchemyStorage(engine),
        storages.CachedStorage(Memory(), max_users=5, ttl_s=60),
    )
    vwo.launch("{}", user_storage=ready[0])
    vwo.launch("{}", user_storage=ready[1])
    vwo.launch("{}", user_storage=ready[2])
    vwo.launch("{}", user_storage=ready[4])
    vwo.launch("{}", user_storage=ready[5])
    pagesense.launch("{}", user_storage=ready[0])
    pagesense.launch("{}", user_storage=ready[1])
    pagesense.launch("{}", user_storage=ready[2])
    pagesense.launch("{}", user_storage=ready[4])
    pagesense.launch("{}", user_storage=ready[5])
    storages.AsyncCachedStorage(storages.AsyncSQLAlchemyStorage(async_engine))
    storages.SQLAlchemyStorage(async_engine)  # E: arg-type
    storages.MemoryStorage("5")  # E: arg-type
    found: list[storages.Finding] = storages.check(Memory(), races=True)
    print([one.name for one in found], [str(one) for one in found])


def use(client: vwo.Client) -> None:
    name: str | None = client.activate("checkout", "Ann", custom_variables={"plan": "pro"})
    same: str | None = client.get_variation_name("checkout", "Ann")
    result: vwo.TrackResult | None = client.track(["checkout"], "Ann", "purchase", revenue_value=5)
    tracked: bool = bool(result)
    one: bool = result["checkout"] if result else False
    is_on: bool = client.is_feature_enabled("search", "Ann")
    value = client.get_feature_variable_value("search", "results", "Ann")
    if isinstance(value, int):
        print(name, same, tracked, one, is_on, value + 1)
    counted: dict[str, int] = {"visits": 3}
    client.activate("checkout", "Ann", custom_variables=counted)
    shown: Mapping[str, str] = {"plan": "pro"}
    client.track("checkout", "Ann", "purchase", custom_variables=shown, meta_data=shown)
    client.activate("checkout")  # E: call-arg
    client.activate("checkout", 42)  # E: arg-type
    client.track("checkout", "Ann", "purchase", revenue_value=[1])  # E: arg-type
    client.track("checkout", "Ann", "purchase", goal_type_to_track=vwo.GOAL_TYPES.REVENUE)
    client.track("checkout", "Ann", "purchase", goal_type_to_track="REVENUE")
    client.track("checkout", "Ann", "purchase", goal_type_to_track="revenue")  # E: arg-type
    client.track("checkout", "Ann", "purchase", revenue=5)  # E: call-arg
    client.activate("checkout", "Ann", custom_variables="pro")  # E: arg-type
    passed_on: dict[str, Any] = {"custom_variables": {"plan": "pro"}, "user_agent": "curl"}
    client.activate("checkout", "Ann", **passed_on)
    client.track("checkout", "Ann", "purchase", revenue_value=5, **passed_on)
    vwo.launch("{}", **passed_on)
    typed: vwo.CallOptions = {"custom_variables": {"plan": "pro"}, "meta_data": shown}
    client.activate("checkout", "Ann", **typed)
    client.get_variation_name("checkout", "Ann", **typed)
    client.is_feature_enabled("search", "Ann", **typed)
    client.get_feature_variable_value("search", "results", "Ann", **typed)
    client.track("checkout", "Ann", "purchase", revenue_value=5, **typed)
    client.explain("checkout", "Ann", **typed)
    pagesense.launch("{}", **passed_on)
    engine: int = client.status().engine  # E: assignment
    print(engine, client.status().problems[0].path)
    health: vwo.Health = client.healthz()
    told: dict[str, object] = health.as_dict()
    status: int = client.handle_webhook({"X-VWO-Auth": "secret"}, b"{}", "secret")
    client.handle_webhook([(b"x-vwo-auth", b"secret")], b"{}", ["new", b"old"])
    client.handle_webhook({"X-VWO-Auth": "secret"}, b"{}", 5)  # E: arg-type
    print(told, status, client.status().state == "ready", client.status().endpoints["settings"])


class Profiles(pagesense.UserStorageService):
    """A storage of PageSense profiles."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def look_up(self, user_id: str) -> str | None:
        return self.texts.get(user_id)

    def save(self, user_profile: pagesense.UserProfile) -> None:
        self.texts[user_profile.get_user_id()] = user_profile.get_user_profile_json_string()


def use_pagesense() -> None:
    with pagesense.launch("{}", data_center="EU", user_storage=Profiles()) as client:
        name: str | None = client.activate_experiment("New pricing", "Ann", {"Browser": "Chrome"})
        client.track_goal("New pricing", "Ann", "Purchase", None, {"revenue": "1999"})
        revenue = {pagesense.GoalProperty.REVENUE: "1999"}
        client.track_project_goal("Purchase", "Ann", goal_properties=revenue)
        print(name, client.get_and_update_project_settings() is True)
        client.activate_experiment("New pricing", 42)  # E: arg-type
        client.track_goal("New pricing", "Ann")  # E: call-arg
    pagesense.launch(sdk_account_id=5)  # E: arg-type
    pagesense.launch(account_id="5-US")  # E: call-arg


class AsyncMemory:
    """A storage whose methods are awaited."""

    async def get(self, user_id: str, campaign_key: str) -> dict[str, object] | None:
        return None

    async def set(self, record: dict[str, object]) -> None:
        return None

    async def look_up(self, user_id: str) -> str | None:
        return None

    async def save(self, user_profile: pagesense.UserProfile) -> None:
        return None


async def use_async() -> None:
    async with await vwo.alaunch("{}", user_storage=AsyncMemory(), storage_timeout_s=2) as client:
        name: str | None = await client.activate("checkout", "Ann", custom_variables={"a": 1})
        same: str = client.activate("checkout", "Ann")  # E: assignment
        result: vwo.TrackResult | None = await client.track(["checkout"], "Ann", "purchase")
        is_on: bool = await client.is_feature_enabled("search", "Ann")
        value = await client.get_feature_variable_value("search", "results", "Ann")
        if isinstance(value, int):
            print(name, same, result, is_on, value + 1)
        await client.activate("checkout", 42)  # E: arg-type
        await client.activate("checkout")  # E: call-arg
        await client.track("checkout", "Ann", "purchase", revenue=5)  # E: call-arg
        pushed: bool = await client.push("plan", "pro", "Ann")
        pushed = await client.push({"plan": "pro"}, "Ann")
        await client.push("plan", "Ann")  # E: call-overload
        flushed: bool | None = await client.flush(timeout_s=1.0)
        status: vwo.Status = client.status()
        stats: vwo.Stats = client.stats()
        explained: vwo.Explanation | None = await client.explain("checkout", "Ann")
        code: int = await client.handle_webhook({"X-VWO-Auth": "secret"}, b"{}", "secret")
        closed: bool = await client.aclose(timeout_s=1.0)
        print(pushed, flushed, status, stats, explained, code, closed)
        client.close()  # E: attr-defined
    await vwo.alaunch("{}", engine="rust")  # E: arg-type
    async with await pagesense.alaunch("{}", user_storage=AsyncMemory()) as other:
        given: str | None = await other.activate_experiment("New pricing", "Ann", {"a": 1})
        await other.track_goal("New pricing", "Ann", "Purchase", None, {"revenue": "1999"})
        await other.activate_experiment("New pricing", 42)  # E: arg-type
        print(given, await other.get_and_update_project_settings() is True)


def fail() -> None:
    try:
        launch()
    except sortition.SettingsError as error:
        print(error.problems[0].wanted)
    except sortition.SettingsUnavailableError as error:
        print(error.status)
    except sortition.OptionError:
        print(sortition.__version__)


with launch() as entered:
    use(entered)
