"""The settings document exactly as the server sends it.

Source: VWO spec, section 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeGuard, TypeVar

from sortition._base.problem import Problem
from sortition._engine.pure.document import ProblemError
from sortition._engine.pure.fields import Fields
from sortition._engine.pure.problem import MISSING, child, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine.vwo import Identifier, Json

T = TypeVar("T")

TYPES: Final = ("VISUAL_AB", "FEATURE_TEST", "FEATURE_ROLLOUT")
"""The campaign types of this platform."""


class VwoFields(Fields):
    """This platform's rules for fields."""

    __slots__ = ()

    def other_product(self) -> str | None:
        """The other product whose settings file this is; None if it is not another product's."""
        if "projectsettings" in self.values:
            return "one of Zoho PageSense"
        campaigns = self.values.get("campaigns")
        types = [
            one["type"]
            for one in (campaigns if isinstance(campaigns, list) else ())
            if isinstance(one, dict) and isinstance(one.get("type"), str)
        ]
        is_newer = self.present("features") is not None or any(
            str(one).startswith("FLAG_") for one in types
        )
        if is_newer and not any(one in TYPES for one in types):
            return "one of VWO Feature Management and Experimentation (FME)"
        return None

    def key(self, key: str, problems: list[Problem]) -> str | None:
        """A secret key; None if it is missing or unusable."""
        value = self.present(key)
        if value is None:
            return None
        if isinstance(value, str) and value and _is_sendable(value):
            return value
        found = "another string" if isinstance(value, str) and value else kind_of(value)
        wanted = "letters, digits and signs of ASCII without a space"
        problems.append(Problem(child(self.path, key), wanted, found, "ignored"))
        return None

    def url_path(self, key: str, problems: list[Problem]) -> str | None:
        """A segment of a URL's path; None if it is missing or would change the path."""
        text = self.optional_text(key)
        if not text:
            return None
        if any(part in ("", ".", "..") for part in text.split("/")):
            place = child(self.path, key)
            problems.append(Problem(place, "a part of a path", "another string", "ignored"))
            return None
        return text

    def is_truthy(self, key: str) -> bool:
        """Whether Python calls the value true."""
        return bool(self.values.get(key))

    def required(self, key: str, wanted: str) -> Json:
        """The value under this key, of any type."""
        if key not in self.values:
            raise self.unlike(key, wanted)
        return self.values[key]

    def identifier(self, key: str) -> Identifier:
        """A number or a string that is not empty."""
        value = self.values.get(key)
        if not is_identifier(value):
            raise self.wrong(key, "a number or a string", found_id(self.values.get(key, MISSING)))
        return value

    def optional_text(self, key: str) -> str | None:
        """A string, if present."""
        return None if self.present(key) is None else self.string(key)

    def optional_boolean(self, key: str) -> bool | None:
        """A boolean, if present."""
        return None if self.present(key) is None else self.boolean(key)

    def optional_number(self, key: str) -> float | None:
        """A finite number, if present."""
        return None if self.present(key) is None else self.number(key)

    def weight(self, key: str) -> float:
        """A weight in percent, not negative; null counts as 0."""
        if key in self.values and self.values[key] is None:
            return 0.0
        return self.number_from_zero(key)

    def items(self, key: str) -> list[Json]:
        """A list. The server sends an empty one as an empty object."""
        return [] if self.values.get(key) == {} else super().items(key)

    def optional_list_of(self, key: str, read: Callable[[str, Json], T]) -> list[T]:
        """A list, empty if absent; `read` reads each element."""
        return [] if self.present(key) is None else self.list_of(key, read)

    def identifiers(self, key: str) -> list[Identifier]:
        """A list of numbers and strings; empty if absent."""

        def read(path: str, value: Json) -> Identifier:
            if not is_identifier(value):
                problem = Problem(path, "a number or a string", found_id(value), self.consequence)
                raise ProblemError(problem)
            return value

        return self.optional_list_of(key, read)

    def optional_map(self, key: str) -> dict[str, Json] | None:
        """An object. The server sends an empty one as an empty list."""
        value = self.present(key)
        if value is None or value == []:
            return None
        if not isinstance(value, dict):
            raise self.unlike(key, "an object")
        return value

    def groups(self, key: str) -> dict[str, Json]:
        """An object; any value that is false in Python counts as an empty one."""
        value = self.present(key)
        if value and not isinstance(value, dict):
            raise self.unlike(key, "an object")
        return value if isinstance(value, dict) else {}

    def weights(self, key: str) -> dict[str, float]:
        """Weights by id; empty if absent."""
        values = self.optional_map(key) or {}
        weights = VwoFields(child(self.path, key), values, self.consequence)
        return {name: weights.weight(name) for name in values}


def is_identifier(value: object) -> TypeGuard[Identifier]:
    """Whether a value is an id: a finite number, or a string that is not empty."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        try:
            return math.isfinite(value)
        except OverflowError:
            return False
    return isinstance(value, str) and value != ""


def found_id(value: object) -> str:
    """A value in place of an identifier, in words."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number that is too large"
    return kind_of(value)


def _is_sendable(key: str) -> bool:
    """Whether an HTTP header can carry a key; not if it was pasted with a line break."""
    return key.isascii() and key.isprintable() and " " not in key


@dataclass(frozen=True, slots=True)
class SettingsWire:
    """The document."""

    version: Identifier
    account_id: Identifier
    sdk_key: str | None
    campaigns: list[Json]
    is_nb: bool
    is_nb_v2: bool
    is_event_arch_enabled: bool
    collection_prefix: str | None
    groups: dict[str, Json]
    campaign_groups: dict[str, Json] | None
    problems: list[Problem]
    """The problems of the document outside its campaigns."""

    @staticmethod
    def read(value: Json) -> SettingsWire:
        """Read the document."""
        document = VwoFields.read("", value, "document_refused")
        product = document.other_product()
        if product is not None:
            wanted = "a settings file of VWO FullStack"
            raise ProblemError(Problem("", wanted, product, "document_refused"))
        problems: list[Problem] = []
        return SettingsWire(
            version=document.identifier("version"),
            account_id=document.identifier("accountId"),
            sdk_key=document.key("sdkKey", problems),
            campaigns=document.items("campaigns"),
            is_nb=document.is_truthy("isNB"),
            is_nb_v2=document.is_truthy("isNBv2"),
            is_event_arch_enabled=document.is_truthy("isEventArchEnabled"),
            collection_prefix=document.url_path("collectionPrefix", problems),
            groups=document.groups("groups"),
            campaign_groups=document.optional_map("campaignGroups"),
            problems=problems,
        )


@dataclass(frozen=True, slots=True)
class CampaignWire:
    """One of ``campaigns``."""

    id: Identifier
    key: str
    status: str
    name: str | None
    type: str | None
    percent_traffic: float
    segments: dict[str, Json] | None
    is_forced_variation_enabled: Json
    is_user_list_enabled: bool
    is_bucketing_seed_enabled: bool
    is_ob: Json
    is_ob_v2: Json
    is_mab: bool
    variations: list[VariationWire]
    goals: list[Json] | ProblemError
    """The elements of a list of goals, or the problem if there is no list."""
    variables: list[VariableWire]

    @staticmethod
    def read(path: str, value: Json) -> CampaignWire:
        """Read a campaign."""
        campaign = VwoFields.read(path, value, "campaign_set_aside")
        return CampaignWire(
            id=campaign.identifier("id"),
            key=campaign.string("key"),
            status=campaign.string("status"),
            name=campaign.optional_text("name"),
            type=campaign.optional_text("type"),
            percent_traffic=campaign.number("percentTraffic"),
            segments=campaign.optional_map("segments"),
            is_forced_variation_enabled=campaign.present("isForcedVariationEnabled"),
            is_user_list_enabled=campaign.is_truthy("isUserListEnabled"),
            is_bucketing_seed_enabled=campaign.is_truthy("isBucketingSeedEnabled"),
            is_ob=campaign.present("isOB"),
            is_ob_v2=campaign.present("isOBv2"),
            is_mab=campaign.is_truthy("isMAB"),
            variations=campaign.list_of("variations", VariationWire.read),
            goals=_goals(campaign),
            variables=campaign.optional_list_of("variables", VariableWire.read),
        )


def _goals(campaign: VwoFields) -> list[Json] | ProblemError:
    try:
        return replace(campaign, consequence="goal_set_aside").items("goals")
    except ProblemError as error:
        return error


@dataclass(frozen=True, slots=True)
class VariationWire:
    """One of a campaign's ``variations``."""

    id: Identifier
    name: str
    weight: float
    is_feature_enabled: bool | None
    segments: dict[str, Json] | None
    variables: list[VariableWire]

    @staticmethod
    def read(path: str, value: Json) -> VariationWire:
        """Read a variation."""
        variation = VwoFields.read(path, value, "campaign_set_aside")
        return VariationWire(
            id=variation.identifier("id"),
            name=variation.string("name"),
            weight=variation.weight("weight"),
            is_feature_enabled=variation.optional_boolean("isFeatureEnabled"),
            segments=variation.optional_map("segments"),
            variables=variation.optional_list_of("variables", VariableWire.read),
        )


@dataclass(frozen=True, slots=True)
class GoalWire:
    """One of a campaign's ``goals``."""

    id: Identifier
    identifier: str
    type: str
    revenue_prop: str | None
    mca: float | None
    has_props: bool

    @staticmethod
    def read(path: str, value: Json) -> GoalWire:
        """Read a goal."""
        goal = VwoFields.read(path, value, "goal_set_aside")
        return GoalWire(
            id=goal.identifier("id"),
            identifier=goal.string("identifier"),
            type=goal.string("type"),
            revenue_prop=goal.optional_text("revenueProp"),
            mca=goal.optional_number("mca"),
            has_props=goal.present("hasProps") is True,
        )


@dataclass(frozen=True, slots=True)
class VariableWire:
    """One of a campaign's or variation's ``variables``."""

    id: Identifier
    key: str
    type: str
    value: Json

    @staticmethod
    def read(path: str, value: Json) -> VariableWire:
        """Read a variable."""
        variable = VwoFields.read(path, value, "campaign_set_aside")
        return VariableWire(
            id=variable.identifier("id"),
            key=variable.string("key"),
            type=variable.string("type"),
            value=variable.required("value", "a value"),
        )


@dataclass(frozen=True, slots=True)
class GroupWire:
    """One of ``groups``."""

    name: str | None
    campaigns: list[Identifier]
    et: float | None
    p: list[Identifier]
    wt: dict[str, float]

    @staticmethod
    def read(path: str, value: object) -> GroupWire:
        """Read a group."""
        group = VwoFields.read(path, value, "campaign_set_aside")
        et = group.optional_number("et")
        if et not in (None, 1, 2):
            raise group.wrong("et", "1 or 2", "another number")
        return GroupWire(
            name=group.optional_text("name"),
            campaigns=group.identifiers("campaigns"),
            et=et,
            p=group.identifiers("p"),
            wt=group.weights("wt"),
        )
