"""Prints findings for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sortition._commands.checking.document import Verdict
    from sortition._commands.checking.finding import Finding

_MARKS: Final = {"ok": "ok", "note": "note", "warning": "WARNING", "fault": "FAULT"}


def print_findings(findings: Iterable[Finding], out: TextIO, *, as_json: bool) -> bool:
    """Print findings as they arrive, or all of them as JSON; whether none is a fault."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            out.write(f"{_MARKS[finding.level]:<8}{finding.check:<11} {finding.found}\n")
            if finding.advice:
                out.write(f"{'':<20}{finding.advice}\n")
            out.flush()
    is_good = all(finding.level != "fault" for finding in found)
    if as_json:
        listed = [
            {
                "check": finding.check,
                "level": finding.level,
                "found": finding.found,
                "advice": finding.advice or None,
            }
            for finding in found
        ]
        out.write(json.dumps({"ok": is_good, "findings": listed}, indent=2) + "\n")
    return is_good


def print_verdict(name: str, verdict: Verdict, out: TextIO, *, as_json: bool) -> None:
    """Print the verdict on a settings document."""
    if as_json:
        told = {
            "file": name,
            "platform": verdict.platform,
            "usable": verdict.is_usable,
            "good": verdict.is_good,
            "holds": verdict.holds or None,
            "problems": [
                {
                    "path": problem.path,
                    "wanted": problem.wanted,
                    "found": problem.found,
                    "consequence": problem.consequence,
                    "warning": problem.is_warning,
                }
                for problem in verdict.problems
            ],
            "problem_count": verdict.problem_count,
        }
        out.write(json.dumps(told, indent=2) + "\n")
        return
    words = f"usable: {verdict.holds}" if verdict.is_usable else "not usable"
    out.write(f"{name}: {words} ({verdict.platform})\n")
    for problem in verdict.problems:
        mark = "warning: " if problem.is_warning else ""
        print(f"  {mark}{problem} ({problem.consequence.replace('_', ' ')})", file=out)
    if verdict.more:
        print(f"  and {verdict.more}", file=out)
