"""Checks whether a settings document is usable, and lists its problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sortition._base.errors import SettingsError
from sortition._commands.checking.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._base.problem import Problem
    from sortition._commands.checking.finding import Level
    from sortition._engine import Engine

Platform: TypeAlias = Literal["vwo", "pagesense"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a settings document.

    Attributes:
        platform: The platform of the document.
        is_usable: Whether `launch` would accept it.
        holds: Its content, in words; empty if it is not usable.
        account: Its account or project; None if it is not usable.
        problems: Its first thousand problems.
        problem_count: The number of all problems.
    """

    platform: Platform
    is_usable: bool
    holds: str
    account: str | None
    problems: tuple[Problem, ...]
    problem_count: int

    @property
    def is_good(self) -> bool:
        """Whether it has no problems except warnings."""
        is_all_known = self.problem_count == len(self.problems)
        return self.is_usable and is_all_known and all(one.is_warning for one in self.problems)

    @property
    def more(self) -> str:
        """The number of further problems, in words; empty for none."""
        number = self.problem_count - len(self.problems)
        return f"{_counted(number, 'more problem')}" if number else ""


def platform_of(document: bytes) -> Platform:
    """The platform that the document seems to belong to."""
    return "pagesense" if b'"projectsettings"' in document else "vwo"


def verdict_on(document: bytes, platform: Platform, engine: Engine) -> Verdict:
    """Compile a document as a client does."""
    try:
        if platform == "vwo":
            from sortition._vwo.platform import compiled  # noqa: PLC0415 -- one platform's alone

            vwo = compiled(engine, document)
            holds = f"version {vwo.version}, {_counted(len(vwo.campaigns), 'campaign')}"
            account = str(vwo.account_id)
            return Verdict(platform, True, holds, account, vwo.problems, vwo.problem_count)
        found = engine.module.PagesenseSettings.compile(document)
    except SettingsError as error:
        return Verdict(platform, False, "", None, error.problems, error.problem_count)
    holds = f"project {found.project_name}, {_counted(len(found.experiments), 'experiment')}"
    return Verdict(platform, True, holds, found.project_name, found.problems, found.problem_count)


def findings_of(verdict: Verdict, check: str) -> Iterator[Finding]:
    """The same as findings."""
    if not verdict.is_usable:
        advice = "download the document again; launch would refuse this one"
        for problem in verdict.problems:
            yield Finding(check, "fault", str(problem), advice)
    else:
        yield Finding(check, "ok", verdict.holds)
        for problem in verdict.problems:
            found = f"{problem} ({problem.consequence.replace('_', ' ')})"
            level: Level = "warning" if problem.is_warning else "fault"
            yield Finding(check, level, found, "correct it in the platform's settings")
    if verdict.more:
        yield Finding(check, "fault", verdict.more)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
