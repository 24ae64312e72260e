"""Reads a user's profile from the user storage, and creates the one to save.

Source: PageSense spec, section 5 and "Our choices" (D13); pinned by the vectors in
``pagesense/decisions.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition._engine.pure.document import ProblemError, parse

if TYPE_CHECKING:
    from sortition._engine.pagesense import ProfileState
    from sortition._engine.pure.pagesense.settings import Experiment, Variation


@dataclass(frozen=True, slots=True)
class _Entry:
    """An assignment of the user to a variation.

    Attributes:
        experiment_key: The experiment's key; one that is not text matches no experiment.
        variation_key: The variation's key; one that is not text matches no variation.
        json: The entry with all its fields.
    """

    experiment_key: object
    variation_key: object
    json: str


# Without a repr of its fields, because an entry may hold any data.
@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """The readable part of a user's profile.

    Attributes:
        state: Whether it was read, and whether it decides.
        entries: The entries to keep.
    """

    state: ProfileState
    entries: tuple[_Entry, ...] = ()

    @staticmethod
    def read(found: object) -> Profile:
        """Read the user storage's answer. Blank text, and any other type, counts as no profile.

        As in the platform's own client, a profile with an invalid entry decides nothing. The next
        save keeps its valid entries.
        """
        if not isinstance(found, str) or not str.strip(found):
            return Profile("nothing")
        try:
            profile = parse(str.encode(found))
        except (ProblemError, UnicodeEncodeError):
            return Profile("invalid")
        if not isinstance(profile, dict):
            return Profile("invalid")
        user_id, experiments = profile.get("user_id"), profile.get("experiments")
        if not isinstance(user_id, str) or not user_id.strip() or not isinstance(experiments, list):
            return Profile("invalid")
        entries = tuple(entry for one in experiments if (entry := _read_entry(one)) is not None)
        return Profile("valid" if len(entries) == len(experiments) else "invalid", entries)

    def variation(self, experiment: Experiment) -> Variation | None:
        """The stored variation of this experiment.

        This is the first entry whose variation the experiment still has.
        """
        if self.state != "valid":
            return None
        for entry in self.entries:
            if entry.experiment_key == experiment.shown.key:
                variation = experiment.variation(entry.variation_key)
                if variation is not None:
                    return variation
        return None

    def with_assignment(self, user_id: str, experiment_key: str, variation_key: str) -> str:
        """The profile to save, as JSON.

        The new assignment comes last and replaces the stored ones of the experiment. Other entries
        stay unchanged.
        """
        return self.with_assignments(user_id, [(experiment_key, variation_key)])

    def with_assignments(self, user_id: str, assignments: list[tuple[str, str]]) -> str:
        """The same with several assignments, each an experiment's key and a variation's."""
        replaced = {experiment_key for experiment_key, _ in assignments}
        entries = [entry.json for entry in self.entries if not _is_of(entry, replaced)]
        entries += [
            json.dumps({"experiment_key": experiment_key, "variation_key": variation_key})
            for experiment_key, variation_key in assignments
        ]
        return f'{{"user_id": {json.dumps(user_id)}, "experiments": [{", ".join(entries)}]}}'


def _is_of(entry: _Entry, experiment_keys: set[str]) -> bool:
    key = entry.experiment_key
    return isinstance(key, str) and key in experiment_keys


def _read_entry(value: object) -> _Entry | None:
    if not isinstance(value, dict):
        return None
    experiment_key, variation_key = value.get("experiment_key"), value.get("variation_key")
    if not experiment_key or not variation_key:
        return None
    try:
        return _Entry(experiment_key, variation_key, json.dumps(value, allow_nan=False))
    except ValueError:
        # A number that is too large cannot be encoded as JSON.
        return None
