"""Whether a settings document can be used, and what is wrong in it."""

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
    """What is to be said of a settings document.

    Attributes:
        platform: Whose document it is taken for.
        is_usable: Whether a client could be launched with it.
        holds: What it holds, in words; empty where it is not usable.
        account: The account or project that it names; None where it is not usable.
        problems: What is wrong in it: the first thousand problems.
        problem_count: How many problems there are in all.
    """

    platform: Platform
    is_usable: bool
    holds: str
    account: str | None
    problems: tuple[Problem, ...]
    problem_count: int

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong in it; warnings may be there."""
        is_all_known = self.problem_count == len(self.problems)
        return self.is_usable and is_all_known and all(one.is_warning for one in self.problems)

    @property
    def more(self) -> str:
        """How many problems there are beside those that are known, in words; empty for none."""
        number = self.problem_count - len(self.problems)
        return f"{_counted(number, 'more problem')}" if number else ""


def platform_of(document: bytes) -> Platform:
    """Whose document it seems to be."""
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
        advice = "get the document anew; no client could be launched with this one"
        for problem in verdict.problems:
            yield Finding(check, "fault", str(problem), advice)
    else:
        yield Finding(check, "ok", verdict.holds)
        for problem in verdict.problems:
            found = f"{problem} ({problem.consequence.replace('_', ' ')})"
            level: Level = "warning" if problem.is_warning else "fault"
            yield Finding(check, level, found, "correct it where the settings are edited")
    if verdict.more:
        yield Finding(check, "fault", verdict.more)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
