"""Makes `vwo.jsonl.gz`: what the platform's published SDK decides, for more than 10,000 pairs.

Run it with a Python 3.11 of its own that has the platform's SDK, from the root of the repository:

    python3.11 -m venv target/platform
    target/platform/bin/pip install vwo-python-sdk==1.68.2
    target/platform/bin/python tests/golden/generate.py

Settings and users are made by chance with a fixed seed, so that the same file comes out each time.
Decisions are asked of `get_variation_name`, which sends nothing. The first line of the file says
what produced it; each line after it is one settings document with its users:

- `settings`: the document.
- `users`: for each user the `id`, `custom_variables` and `variation_targeting_variables` (absent:
  not given), and `variations`: the variation's name, or null for none, by the campaign's key.

A campaign in which the SDK crashed for a user is left out for that user: it looks up the name of a
variation that is none where the ranges end before the user's bucket, or where no campaign of a
group wins.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
from pathlib import Path
from typing import Any

import vwo  # only where this is run
from vwo.api.get_variation_name import (  # type: ignore[import-not-found]
    # The public call turns a crash into None, which could not be told from a decision.
    _get_variation_name,
)
from vwo.constants.constants import SDK_VERSION  # type: ignore[import-not-found]

PUBLISHED = "1.68.2"
FILE = Path(__file__).parent / "vwo.jsonl.gz"
SEED = 20261122
DOCUMENTS = 800
USERS = 14
MOST_CAMPAIGNS = 4
GROUP_ID = 7

ABSENT = object()
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "ABCDEF0123456789-",
    "abcxyz._+-@",
    "äöüßéèñçøåİıſŒ",
    "абвгджийЖЮЯё",
    "αβγδΣςσΩώ",
    "漢字仮名交じり文한국어",
    "שלוםمرحبا١٢٣",
    "😀🙂🧪🇩🇪👩\u200d🔬\ufe0f𐐀𐐨𝔘𝒳𠮷",
    "e\u0301a\u0308\u0300\u00ad\u200b",
    "a b\tc\n\x00\x7f\u2028\uffff\U0010ffff",
)
WEIGHTS = (
    (50, 50),
    (100,),
    (0, 100),
    (100, 0),
    (33.33, 33.33, 33.34),
    (33.33, 33.33, 33.33),
    (33.34, 33.34, 33.33),
    (49.99, 50),
    (50.01, 50),
    (0.01, 99.99),
    (10, 20, 70),
    (25, 25, 25, 25),
    (25, 0, 25.5, 49.5),
    (14.28, 14.28, 14.28, 14.28, 14.28, 14.28, 14.32),
    (12.5, 12.5, 12.5, 12.5, 12.5, 12.5, 12.5, 12.5),
    (40, 20),
    (80, 80),
)
TRAFFIC = (100, 100, 100, 100, 75, 50, 99.5, 33.33, 0.5, 0)
OPERANDS = (
    "de",
    "lower(DE)",
    "lower(ΣΊΣΥΦΟΣ)",
    "wildcard(*e*)",
    "wildcard(d*)",
    "wildcard(*漢)",
    "contains(🙂)",
    "regex(^[a-zé]+$)",
    "regex((?i)straße|DE)",
    "gt(10)",
    "gte(49.9)",
    "lt(1e3)",
    "lte(-0.0)",
    "equals(12.0)",
    "true",
    "unknown(de)",
)
VALUES = (
    "de",
    "DE",
    "été",
    "σίσυφος",
    "子漢",
    "x🙂y",
    12,
    49.9,
    "1_000",
    -3,
    0,
    True,
    False,
    None,
    "",
)
NAMES = ("country", "basket", "straße", "vip")
VARIABLES = ("custom_variables", "variation_targeting_variables")


class Chance:
    """Documents and users by chance, the same in every run."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)  # noqa: S311 -- the same in every run

    def choose(self, *options: Any) -> Any:
        return self.random.choice(options)

    def happens(self, share: float) -> bool:
        return self.random.random() < share

    def user_id(self) -> str:
        alphabet = self.random.choice(ALPHABETS)
        length = 300 if self.happens(0.005) else self.random.randint(1, 12)
        prefix = self.random.choice(("", "", "user-", "u_"))
        return prefix + "".join(self.random.choice(alphabet) for _ in range(length))

    def user_ids(self) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < USERS:
            found[self.user_id()] = None
        return list(found)

    def document(self, user_ids: list[str]) -> dict[str, Any]:
        campaigns = [
            self.campaign(self.random.randint(1, 999) * 10 + index, user_ids)
            for index in range(self.random.randint(2, MOST_CAMPAIGNS))
        ]
        account_id = self.random.randint(1, 9_999_999)
        document = {
            "version": 1,
            "accountId": str(account_id) if self.happens(0.2) else account_id,
            "sdkKey": "0123456789abcdef",
            "campaigns": campaigns,
            **present(
                isNB=self.choose(ABSENT, None, False, True, True, True),
                isNBv2=self.choose(ABSENT, None, False, True, True, True),
            ),
        }
        if self.happens(0.4):
            document |= self.group([campaign["id"] for campaign in campaigns])
        elif self.happens(0.2):
            # The ids that groups refer to are numbers; elsewhere any text is one.
            campaigns[0]["id"] = self.choose("228", "Ж7", "a_b", "🙂")
        return document

    def campaign(self, id: int, user_ids: list[str]) -> dict[str, Any]:  # noqa: A002
        is_whitelisting = self.happens(0.3)
        weights = self.choose(*WEIGHTS)
        traffic = self.random.randint(0, 100) if self.happens(0.3) else self.choose(*TRAFFIC)
        return {
            "id": id,
            "key": self.choose("checkout", "prüfung", "🧪") + f"-{id}",
            "type": self.choose("VISUAL_AB", "VISUAL_AB", "FEATURE_TEST"),
            "status": "PAUSED" if self.happens(0.03) else "RUNNING",
            "percentTraffic": traffic,
            "variations": [
                {
                    "id": number,
                    "name": "Control" if number == 1 else f"Variation-{number - 1}",
                    "weight": weight,
                    **present(segments=self.targets(user_ids) if is_whitelisting else ABSENT),
                }
                for number, weight in enumerate(weights, start=1)
            ],
            "goals": [],
            **present(
                segments=self.choose({}, ABSENT, ABSENT, self.segments(2)),
                isForcedVariationEnabled=True if is_whitelisting else self.choose(ABSENT, False),
                isBucketingSeedEnabled=self.choose(ABSENT, False, True, True),
                isOB=self.choose(ABSENT, None, False, True),
                isOBv2=self.choose(ABSENT, None, False, True),
            ),
        }

    def group(self, campaign_ids: list[int]) -> dict[str, Any]:
        members = self.random.sample(campaign_ids, self.random.randint(2, len(campaign_ids)))
        first, *others = members
        weights = self.choose([50, 50, 50, 50], [10, 90, 0, 0], [33.33, 33.33, 33.34, 0.01], [80])
        group = {
            "name": "Gruppe ä",
            "campaigns": members,
            **present(
                et=self.choose(ABSENT, 1, 2, 2, 2),
                p=self.choose(ABSENT, [], [first], others, [999_999, *reversed(members)]),
                wt=self.choose(
                    ABSENT,
                    {str(member): weight for member, weight in zip(members, weights, strict=False)},
                ),
            ),
        }
        return {
            "groups": {str(GROUP_ID): group},
            "campaignGroups": {str(member): GROUP_ID for member in members},
        }

    def segments(self, depth: int) -> dict[str, Any]:
        kind = self.choose("leaf", "leaf", "and", "or", "or", "not") if depth else "leaf"
        match kind:
            case "not":
                return {"not": self.segments(depth - 1)}
            case "and" | "or":
                parts = self.random.randint(1, 3)
                return {kind: [self.segments(depth - 1) for _ in range(parts)]}
            case _:
                return {"custom_variable": {self.choose(*NAMES): self.choose(*OPERANDS)}}

    def targets(self, user_ids: list[str]) -> Any:
        """Whom a variation is for by whitelisting: some of the users, or an expression."""
        if self.happens(0.3):
            return self.choose({}, self.segments(1))
        return {"or": [{"user": " , ".join(self.random.sample(user_ids, 2))}]}

    def user(self, user_id: str) -> dict[str, Any]:
        return {
            "id": user_id,
            **present(
                custom_variables=self.variables(),
                variation_targeting_variables=self.variables() if self.happens(0.3) else ABSENT,
            ),
        }

    def variables(self) -> Any:
        if self.happens(0.2):
            return ABSENT
        return {name: self.choose(*VALUES) for name in NAMES if self.happens(0.7)}


def present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}


class SilentLogger:
    """Keeps the SDK from writing a line for every step."""

    def log(self, level: int, message: str) -> None:
        """Write nothing."""


def decided(document: dict[str, Any], users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The users, with the variations that the SDK decides on."""
    launch = vwo.launch  # type: ignore[attr-defined]  # only where the SDK is installed
    client = launch(json.dumps(document), logger=SilentLogger(), is_development_mode=True)
    if client is None:
        raise SystemExit("the SDK refuses a document")
    for user in users:
        user["variations"] = {}
        for campaign in document["campaigns"]:
            # The SDK changes the variables that it is given.
            arguments = copy.deepcopy({name: user[name] for name in VARIABLES if name in user})
            try:
                name = _get_variation_name(client, campaign["key"], user["id"], **arguments)
            except Exception:  # noqa: BLE001, S112 -- whatever it crashed with, it did not decide
                continue
            user["variations"][campaign["key"]] = name
    return users


def main() -> None:
    if SDK_VERSION != PUBLISHED:
        raise SystemExit(f"wanted vwo-python-sdk {PUBLISHED}, found {SDK_VERSION}")
    chance = Chance()
    lines: list[Any] = [{"generated_by": f"vwo-python-sdk {PUBLISHED}", "seed": SEED}]
    for _ in range(DOCUMENTS):
        user_ids = chance.user_ids()
        document = chance.document(user_ids)
        users = decided(document, [chance.user(user_id) for user_id in user_ids])
        lines.append({"settings": document, "users": users})
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )
    # Without the time, the same decisions are the same file.
    FILE.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
