"""The storage in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from support.documents import settings
from support.storages import profile, record

from sortition import OptionError, vwo
from sortition.storages import AsyncSQLAlchemyStorage, SQLAlchemyStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    one = create_engine(f"sqlite:///{tmp_path}/records.db")
    yield one
    one.dispose()


def test_tables_are_made_once_and_under_the_prefix(engine: Engine) -> None:
    storage = SQLAlchemyStorage(engine, table_prefix="shop_")
    assert sorted(storage.metadata.tables) == ["shop_profiles", "shop_records"]
    for _ in range(2):
        storage.create_tables()
    storage.set(record())
    storage.save(profile("Ann", "1"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM shop_records")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM shop_profiles")).scalar() == 1


def test_junk_is_returned_and_replaced(engine: Engine) -> None:
    """The client calls it text that is no record, and the next record takes its place."""
    storage = SQLAlchemyStorage(engine)
    storage.create_tables()
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO sortition_records VALUES ('Ann', 'checkout', '{x')"))
        connection.execute(text("INSERT INTO sortition_profiles VALUES ('Ann', '{x')"))
    assert storage.get("Ann", "checkout") == "{x"
    assert storage.look_up("Ann") == "{x"
    storage.set(record())
    storage.save(profile("Ann", "1"))
    assert storage.get("Ann", "checkout") == record()
    assert storage.look_up("Ann") == profile("Ann", "1").get_user_profile_json_string()


def test_without_its_tables_calls_answer_all_the_same(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    storage = SQLAlchemyStorage(engine)
    with vwo.launch(settings(), user_storage=storage, is_development_mode=True) as client:
        for _ in range(5):
            assert client.activate("checkout", "Ann")
        assert client.stats().storage_findings["raised"] >= 3
    assert "user_storage.get raised OperationalError" in caplog.text
    assert "Ann" not in caplog.text


def test_another_isolation_of_the_engine_s_own_transactions_stays(engine: Engine) -> None:
    """The storage's statements are transactions of their own; the caller's are as they were."""
    storage = SQLAlchemyStorage(engine)
    storage.create_tables()
    storage.set(record())
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM sortition_records"))
        connection.rollback()
    assert storage.get("Ann", "checkout") == record()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "engine: must be an Engine of SQLAlchemy, got None"),
        ("sqlite://", "engine: must be an Engine of SQLAlchemy, got str"),
        (create_async_engine("sqlite+aiosqlite://"), "engine: is an engine for AsyncSQLAlchemy"),
    ],
)
def test_what_is_no_engine(given: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        SQLAlchemyStorage(given)


def test_other_engines_are_refused(engine: Engine) -> None:
    with pytest.raises(OptionError, match="engine: is an engine for SQLAlchemyStorage"):
        AsyncSQLAlchemyStorage(engine)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="table_prefix: must be a string, got int"):
        SQLAlchemyStorage(engine, table_prefix=5)  # type: ignore[arg-type]

    class Elsewhere:
        dialect = type("Dialect", (), {"name": "oracle"})

        def connect(self) -> None: ...

    with pytest.raises(OptionError, match="engine: must be of PostgreSQL or SQLite, got oracle"):
        SQLAlchemyStorage(Elsewhere())  # type: ignore[arg-type]


def test_a_repr_holds_no_address(engine: Engine) -> None:
    assert str(engine.url) not in repr(SQLAlchemyStorage(engine))
