"""The two engines behind one interface, and which one a client uses.

The compiled engine is `sortition._core`, written in Rust; the pure one is
`sortition._engine.pure`. Both give the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._engine import pagesense
    from sortition._engine.vwo import Settings

EngineChoice: TypeAlias = Literal["auto", "compiled", "pure"]
"""Which engine to use; ``auto`` takes the compiled one where there is one."""


class VwoSettingsClass(Protocol):
    """The class of compiled VWO settings."""

    def compile(self, document: bytes, /) -> Settings:
        """Compile a settings document, JSON in UTF-8.

        Raises:
            SettingsError: The document cannot be used at all.
        """


class PagesenseSettingsClass(Protocol):
    """The class of compiled PageSense settings."""

    def compile(self, document: bytes, /) -> pagesense.Settings:
        """Compile a settings document, JSON in UTF-8.

        Raises:
            SettingsError: The document cannot be used at all.
        """


class PagesenseProfileClass(Protocol):
    """The class of what a user storage holds."""

    def read(self, found: object, /) -> pagesense.Profile:
        """Read what a look-up gave; what is no text, and blank text, is nothing."""


class PagesenseActivatedClass(Protocol):
    """The class of what remembers the users that a process activated."""

    def __call__(self) -> pagesense.Activated:
        """An empty memory."""


class EngineModule(Protocol):
    """The content of an engine's module."""

    @property
    def VwoSettings(self) -> VwoSettingsClass:  # noqa: N802 -- a class
        """Compiled VWO settings."""

    @property
    def PagesenseSettings(self) -> PagesenseSettingsClass:  # noqa: N802 -- a class
        """Compiled PageSense settings."""

    @property
    def PagesenseProfile(self) -> PagesenseProfileClass:  # noqa: N802 -- a class
        """The profile of a PageSense user in the user storage."""

    @property
    def PagesenseActivated(self) -> PagesenseActivatedClass:  # noqa: N802 -- a class
        """The users of PageSense that a process activated."""

    @property
    def REASONS(self) -> tuple[str, ...]:  # noqa: N802 -- a constant
        """The names of all reasons of VWO decisions."""

    @property
    def PAGESENSE_REASONS(self) -> tuple[str, ...]:  # noqa: N802 -- a constant
        """The names of all reasons of PageSense decisions."""

    def murmur3_32(self, data: bytes, hash_seed: int) -> int:
        """The MurmurHash3 x86 32-bit hash of these bytes."""

    def traffic_bucket(self, hash: int) -> int:  # noqa: A002 -- the field's word for it
        """The traffic bucket of this hash."""

    def variation_bucket(self, hash: int) -> int:  # noqa: A002
        """The variation bucket of this hash."""

    def stretched_bucket(self, hash: int, percent_traffic: float) -> int:  # noqa: A002
        """The variation bucket of this hash, stretched by the traffic."""

    def allocation_ranges(self, weights: Sequence[float]) -> list[tuple[int, int] | None]:
        """The ranges of these weights."""

    def pagesense_bucket(self, experiment_key: str, user_id: str) -> int:
        """The bucket of this user in this experiment."""

    def pagesense_ranges(
        self, permitted_traffic: float, shares: Sequence[float]
    ) -> list[tuple[float, float]]:
        """The ranges of these shares of the permitted traffic."""

    def vwo_batch(self, events: Sequence[bytes]) -> bytes:
        """A batch of encoded events."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine, and the remark to log about it.

    Attributes:
        name: ``compiled`` or ``pure``.
        module: Its functions and classes.
        remark: What a service should know of the engine it runs on; None if nothing.
    """

    name: Literal["compiled", "pure"]
    module: EngineModule
    remark: str | None = None


def load(choice: EngineChoice = "auto") -> Engine:
    """The engine of this choice.

    Raises:
        ImportError: The compiled engine was asked for and is not installed, or another interpreter
            of the process uses it.
    """
    if choice == "pure":
        return _pure(None)
    try:
        from sortition import _core  # noqa: PLC0415 -- absent where no wheel fits
    except ImportError as error:
        if choice == "compiled":
            raise
        why = why_not_compiled(error)
        return _pure(
            f"{why}: the pure-Python engine decides, with the same answers, but more slowly"
        )
    remark = None
    if _core.IS_DEBUG_BUILD:
        remark = "the compiled engine is a debug build: it decides slowly"
    return Engine("compiled", _core, remark)


def why_not_compiled(error: ImportError) -> str:
    """Why there is no compiled engine, in words."""
    is_missing = isinstance(error, ModuleNotFoundError) or error.name == "sortition"
    return "the compiled engine is not installed" if is_missing else str(error)


def _pure(remark: str | None) -> Engine:
    from sortition._engine.pure import surface  # noqa: PLC0415 -- only where it is used

    return Engine("pure", surface, remark)
