"""Patterns and texts on which searches that go back take for ever, or nearly so.

Each pattern is meant for a long text: one piece of text repeated, with something at its end that
forbids a match, or that lets one be found late. Whether the pattern is found does not depend on how
often the piece is repeated, so that Python's `re`, which would not come to an end on most of the
long texts, can be asked about a short one.
"""

from __future__ import annotations

from dataclasses import dataclass

REPEATED = 10_000
"""How long the repeated part of a text is, in characters, where its family does not say."""


@dataclass(frozen=True)
class HostilePattern:
    """A pattern with the text that it is searched for in.

    Attributes:
        pattern: The pattern.
        text: The long text.
        short_text: A text of the same kind on which Python's `re` answers, and answers the same.
        is_found: Whether `re.search` finds the pattern in either.
        may_be_given_up: Whether the bound on a search may be hit: the pattern refers to what a
            group took, or has a part that is matched on its own at many places of the text.
    """

    pattern: str
    text: str
    short_text: str
    is_found: bool
    may_be_given_up: bool


@dataclass(frozen=True)
class Family:
    """Patterns for the same text, one a line.

    Attributes:
        found: Patterns that are found in it.
        not_found: Patterns that are not.
        start: What the text starts with.
        piece: What is repeated.
        end: What the text ends with.
        repeated: How long the repeated part of the long text is, in characters.
        pieces: How many pieces the short text has.
        may_be_given_up: As in `HostilePattern`.
    """

    found: str = ""
    not_found: str = ""
    start: str = ""
    piece: str = "a"
    end: str = "!"
    repeated: int = REPEATED
    pieces: int = 8
    may_be_given_up: bool = False

    def patterns(self) -> list[HostilePattern]:
        """Each pattern with the texts of the family."""
        text, short_text = (
            self.start + self.piece * pieces + self.end
            for pieces in (self.repeated // len(self.piece), self.pieces)
        )
        return [
            HostilePattern(pattern, text, short_text, is_found, self.may_be_given_up)
            for patterns, is_found in ((self.found, True), (self.not_found, False))
            for pattern in patterns.split("\n")
            if pattern
        ]


WORDS = [f"word{number}" for number in range(900)]
STEPS = "|".join("a" * length for length in range(1, 40))

FAMILIES = {
    "nested_quantifiers": Family(
        found=r"""
(a*)*$
(a*)+!
(a?)*$
(?:a*)*!
(a+)+!
(a|b)*!
(?:a+b?)*!$
""",
        not_found=r"""
(a+)+$
(a+)*b
(a*)*b
(a*)+b
(a+)+b
^(a+)+$
^(a*)*$
^(a*)+$
^(a+)*$
^((a+)+)+$
^(((a+)+)+)+$
^((a*)*)*$
^(?:a+)+$
^(?:(?:a+)+)+$
^(a+?)+$
^(a+?)+?$
^(a+)+?$
^(?:a*?)*?$
^(a?)+$
^(a??)+$
^(a{1,3})+$
^(a{2,})+$
^(a{1,}){1,}$
^(?:a+a+)+$
^(?:a*a*)*$
^(?:a?a+)+$
^(?:aa?)+$
^(?:(?:a?){3})+$
(a+)+[bc]
(?:a+)+\d
([a-z]+)+$
([a-z]+)*\d
(\w+)+$
(\w*)*\W\W
(.+)+\n
(?:[^b]+)+b
^(\w+\s?)*$
^(\S+)+\s
^(?:(?:a|b)+)+$
(x+x+)+y|(a+a+)+b
""",
    ),
    "overlapping_alternatives": Family(
        found=r"""
^(?:\w|\S)+$
^(.|a)+$
(?:a|aa)+!
(?:a|a)*!$
(a+|b+)*!
""",
        not_found=r"""
^(a|a)+$
^(a|a)*$
^(a|aa)+$
^(aa|a)*$
^(a|aa|aaa)+$
^(?:a|a?)+$
^(a|a|a|a)*$
^(?:a|[a-b])+$
^(?:[a-c]|[a-z])+$
^(\w|a)+$
^(?:a|ab|abc)*$
^(?:(?:a|a)|(?:a|a))+$
^(?i:a|A)+$
(a|b|ab)*c
^(aaa|aa)+$
^(?:a{1,5}|a{2,6})+$
^(?:a*|a+)+$
(x|a+)*y
(?:a+|a*b)+c
(?:a|.)*b
^(?:.|\w|a)*\d$
^(?:a|b|c|[a-c]|\w)*$
^((?:a|a)|(?:aa|aa))*$
(?:a|a?|a??)*b
^(?:|a|aa)+$
""",
    ),
    "neighbouring_quantifiers": Family(
        found=r"""
.*.*.*!.*
a*a*a*a*!
\w*\w*\w*\W
""",
        not_found=r"""
.*.*.*=.*
.*.*.*.*.*b
.*?.*?.*?.*?=
a*a*a*a*a*b
a+a+a+a+b
^a*a*a*$
a?a?a?a?a?a?a?a?b
\w*\w*\w*\d
\w+\w+\d$
[a-z]*[a-y]*[a-x]*\d
(?:a*b?){5}c
a*[ab]*[abc]*\d
(.*)(.*)(.*)\d
^.*a.*a.*a.*b
""",
    ),
    "spaces": Family(
        piece=" ",
        end="x",
        found=r"""
^\s+|\s+$
\s*\s*\s*x
^[ \t]*\S$
""",
        not_found=r"""
\s+$
\s*\s*\s*y
[ \t]+[ \t]+[ \t]+y
^(\s+)*$
^(?:\s*\s)*$
(?:\s|[ ]|\t)+;
\s+\b\s
^\s*(?:\S+\s*)*;$
""",
    ),
    "counted_repetitions": Family(
        found=r"""
.{1,200}!
(?:a?){100}!
a{0,300}?!$
""",
        not_found=r"""
(a{0,10}){0,10}b
a{500}b
a{0,400}b
^(?:a{1,20}){1,20}$
(?:a{0,9}){9}b
[ab]{1,300}c
(?:a|b|ab){1,100}c
^(?:a{3,5}){2,}$
(?:(?:a{0,3}){0,3}){0,3}b
""",
    ),
    "least_repetitions": Family(
        pieces=1_000,
        found=r"""
a{500}!
(?:a{10}){90}!
[a-c]{250,}!
(?:a|b){300}!
(?:a{25}){25,}!
""",
    ),
    "optional_repetitions": Family(
        pieces=1,
        not_found=r"""
(?:a?){300}b
(?:a??){300}b
(?:a?b?){150}c
(?:a{0,2}){150}b
""",
    ),
    "large_repetitions": Family(
        may_be_given_up=True,
        pieces=1,
        found=r"""
.{0,4900}!
(?:a|b){0,2000}!
""",
        not_found=r"""
(?:a{1,50}){1,50}b
(?:a?){3000}b
a{4000}a{4000}b
[ab]{0,4500}c
(?:a|b){0,2000}c
""",
    ),
    "largest_repetitions": Family(
        may_be_given_up=True,
        pieces=9_410,
        found=r"""
a{9300}!
(?:a{93}){100}!
[ab]{9400}!$
""",
    ),
    "looks": Family(
        found=r"""
(?<=a)(?=!)
(?<=aaaa!|[ab]{4}!)$
(?:(?!!).)*!
(?<=a)!(?!.)
^(?=.*!)(?=a)
(?=(?=(?=a)a)a)a
""",
        not_found=r"""
(?<!a)!
^(?=.*\d)(?=.*[A-Z]).{8,}$
^(?!.*!).*$
^(?:(?!b).)*b
^(?:(?=a)a)*$
^(?=(a+)+$)
^(?=(?:a|aa)+$)
^(?!(?:a*)*!)
(?<=b)a+
(?<![^a])b
(?<=a)(?=a)(?<!a)
^(?:(?<!b)a)+$
(?!a)(?!!).
^(?>a+)+$
^(?>a|aa)+b
^a++b
^(?:a++)+b
^(?:a?+)*+b
""",
    ),
    "repeated_parts": Family(
        may_be_given_up=True,
        found=r"""
(?=a*!)a*!
(?=.*!).*!
(?>a*)!
a*+!
""",
        not_found=r"""
(?=a*!)a+b
(?!a*!)a
(?:(?=.*!)a)*b
(?=(?:a|aa)*!)a*b
(?>a*)a
(?>a*)b
a*+a
a++b
(?:a++)+b
(?>(?>a*)*)b
(?:(?>a+)|b)*c
(?=(?=(?=a*!)a*!)a*!)b
""",
    ),
    "references": Family(
        may_be_given_up=True,
        found=r"""
(a)\1!
(.)\1{5}!
(a+)\1!
(?P<letter>a)(?P=letter)*!
(a)?(?(1)a|b)*!
(?:(a)|b)*!$|\1b
(?i)(A)\1*!
(b)?(?(1)b|a+)!
""",
        not_found=r"""
(a+)+\1$
^(a+)+\1$
(a*)\1b
^(a*)\1b
(a+)\1b
(a*?)\1b
(.*)\1b
(.*?)\1+b
^(a+)\1+$
(a|aa)+\1b
(a|aa)+\1$
((a+)+)\2b
(a*)(a*)\2\1b
(a*)(a*)(a*)\3\2\1b
(.*)(.*)(.*)\1\2\3x
(?i)(a*)\1b
(?i)(A+)+\1B
(?P<word>a+)(?P=word)+b
(?=(a+))\1b
(?!(a+)\1b)c
(?<=(a))\1b
(a*)(?!\1\1)b
(x)?(?>a*)\1b
(x)?a++\1b
(x)?(?=a*)\1b
(x)?(?=a*!)a\1b
(x)?(?:(?>a+)|b)*\1c
(x)?(?:(?=(a*))a)*\1b
(a)?(?(1)a*b|c)
(?:(a)|(b))*\2c
(a)(?(1)(?:a|aa)*|x)b
(?:(a+)|b)*(?(1)c|d)
^(?:(a)|b)*\1$
(?:(a)(?=\1)|a)*b
(a*)+(?:\1)+b
(a?)(a?)(a?)(a?)\4\3\2\1b
(?:(x)|(?:(a*)*b))\2
^(?:(?=(a+))\1)+$
(?:a|(a)\1)*b
""",
    ),
    "long_references": Family(
        repeated=100_000,
        may_be_given_up=True,
        found=r"""
(a)\1{3}!
""",
        not_found=r"""
(a*)\1b
(?i)(a*)\1b
(a*)(?!\1\1)b
(x)?(?>a*)\1b
(x)?a++\1b
(x)?(?=a*!)a\1b
(a+)+\1$
(.*?)\1b
""",
    ),
    "long_texts": Family(
        repeated=100_000,
        found=r"""
(a*)*$
(?:a|aa)+!
.*.*!
(?<=a)!
""",
        not_found=r"""
(a+)+$
^(a+)+$
^(?:a|a)*$
(?:a|.)*b
a*a*a*a*b
^(?:a{1,9})+$
(?i)(?:A|a)+$
^(?=.*\d).*$
""",
    ),
    "long_texts_and_parts": Family(
        repeated=100_000,
        pieces=1,
        may_be_given_up=True,
        not_found=r"""
(?>a*)b
a++b
(?!a*!)a
(?:a?){150}b
""",
    ),
    "long_alternations": Family(
        piece="word",
        end="899",
        found="\n".join(
            (
                "|".join(WORDS),
                f"(?:{'|'.join(WORDS)})$",
                f"(?i:{'|'.join(WORDS).upper()})",
                "|".join(f"(?:{word})" for word in reversed(WORDS)),
                f"^(?:word|{'|'.join(WORDS)})+$",
            )
        ),
        not_found="\n".join(
            (
                f"(?:{'|'.join(WORDS)})!",
                f"^(?:{'|'.join(WORDS)})+$",
                f"(?:word|{'|'.join(WORDS[:300])})*$!",
                "|".join(rf"{word}\.com" for word in WORDS[:500]),
                "|".join(f"{chr(0x4E00 + number)}" for number in range(4000)),
                "|".join(f"[{chr(0x100 + number)}x]y" for number in range(300)),
            )
        ),
    ),
    "stepped_alternations": Family(
        found=f"(?:{STEPS})+!",
        not_found="\n".join((f"^(?:{STEPS})+$", f"(?:{STEPS})*b", f"^(?:b|{STEPS})*$")),
    ),
    "letters_without_case": Family(
        piece="\N{KELVIN SIGN}k",
        found=r"""
(?i)k+!
(?i)[k]+!
(?i)[a-z]+!$
(?i)(?:k|K)*!
""",
        not_found=r"""
(?i)(?:[a-z]+)+$
(?i)^(?:k|K)+$
(?i)^[j-l]+$
(?i)(k+)+l
(?ai)^k+!
(?i)[^k]+k
(?i)(?:[k]|[K]|k)*b
""",
    ),
    "sigmas": Family(
        piece="σςΣ",
        pieces=3,
        found=r"""
(?i)σ+!
(?i)[ς]+!
(?i)^(?:Σ|ς)+!
""",
        not_found=r"""
(?i)^(?:[α-ω]+)+$
(?i)^(σ|ς|Σ)+$
(?i)(?:[Α-Ω]|σ)*b
(?i)[^α-ω]{2}
^(?:[α-ω]|Σ)+$
""",
    ),
    "beyond_ascii": Family(
        piece="é漢🙂𐐀",
        pieces=3,
        found=r"""
(?:.|🙂)+!
(?:é漢🙂𐐀)+!
[é-𐐧]+!
(?s:.)*!
(?i)(?:É漢🙂𐐨)+!
""",
        not_found=r"""
^(?:.|🙂)+b$
(?:🙂|🙂)*b
([é漢🙂𐐀]+)+$
^(?:é漢🙂𐐀|é漢🙂𐐀)+$
(?:\w|\W)*b
(?:[^!]+)+b
(?i)^(?:[À-𐐧]+)+$
(?i)(?:é|É|漢|🙂|.)+b
(?:\B.)*b
(?:\b|\B|.)*b
""",
    ),
    "deep_nesting": Family(
        pieces=3,
        found="\n".join(
            (
                "(" * 100 + "a" + ")" * 100 + "!",
                "(?:" * 100 + "a|b" + ")" * 100 + "!",
                "(?=" * 60 + "a" + ")" * 60,
                "(?i:" * 80 + "A" + ")" * 80 + "!",
                "(?:" * 60 + "a" + ")?" * 60 + "!",
                "(?:a|" * 60 + "!" + ")" * 60 + "$",
                "(?!(?!" * 40 + "a" + "))" * 40 + "a",
            )
        ),
        not_found="\n".join(
            (
                "(?:" * 5 + "a" + ")*" * 5 + "b",
                "^" + "(?:" * 8 + "a" + ")+" * 8 + "$",
                "(?:" * 90 + "a" + ")" * 90 + "+b",
                "(?:a|" * 60 + "b" + ")" * 60 + "c",
                "(?:(?:a|a)" * 40 + ")?" * 40 + "b",
                "(?:" * 40 + "a" + "|b)" * 40 + "c",
            )
        ),
    ),
    "deep_parts": Family(
        may_be_given_up=True,
        pieces=3,
        not_found="\n".join(
            (
                "(?>" * 60 + "a+" + ")" * 60 + "b",
                "(?=" * 60 + "a*!" + ")" * 60 + "b",
                "(" * 90 + "a" + ")" * 90 + r"\90*b",
                "(a)?" * 12 + r"\12b",
                "(x)?" + "(?>" * 60 + "(a)*" + ")" * 60 + r"\1b",
            )
        ),
    ),
    "addresses": Family(
        found=r"""
^[\w.+-]+!$
""",
        not_found=r"""
^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}))$
^([0-9a-zA-Z]([-.\w]*[0-9a-zA-Z])*@(([0-9a-zA-Z])+([-\w]*[0-9a-zA-Z])*\.)+[a-zA-Z]{2,9})$
^([\w\.\-]+)@([\w\-]+)((\.(\w){2,3})+)$
^(\w+([-+.']\w+)*)*@
^(([a-z])+.)+[A-Z]([a-z])+$
^[a-zA-Z]+(([',.\- ][a-zA-Z ])?[a-zA-Z]*)*$
^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==)?$
^[a-z]+(?:[a-z0-9]*)*\d$
^(?:[^:/?#]+:)?(?://[^/?#]*)?\?
(?:[a-z0-9]+-?)*\.
""",
    ),
    "hosts": Family(
        start="http://",
        piece="a-1.",
        found=r"""
^https?://(?:[\w-]+\.)+
""",
        not_found=r"""
^(https?:\/\/)?([\da-z\.-]+)\.([a-z\.]{2,6})([\/\w \.-]*)*\/?$
^(?:https?://)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$
^http://(\w+([-.]\w+)*)*/$
(?:\w+\.)*\w+@
^http://(?:[^/.]+\.?)*/
(?:[a-z\d-]+\.)+com$
""",
    ),
    "paths": Family(
        start="/",
        piece="a/",
        found=r"""
^(?:/[^/]*)+!?$
""",
        not_found=r"""
^(?:/[\w-]*)+$
^/?([^/]+/?)*/index
(?:/.*)*/b
^(?:/|//|/\w/?)+$
(?:.*/){3}b
""",
    ),
    "lists": Family(
        piece="1, ",
        pieces=3,
        found=r"""
(?:\d,\s*)+!
^(?:[^,]*,)*\s!$
""",
        not_found=r"""
^(?:\d+,?\s*)*$
^(.*?,){11}P
(?:.*,){5}x
([^,]*,)*x
^(?:\s*\d\s*,\s*)*$
(?:\s*,\s*)*x
^((\d+|\s+|,)+)+$
(?:\d*,?\d*\s?)*x
^\d{1,3}(?:,\s?\d{1,3})*$
(?:1|,|\s|1,|,\s)*x
""",
    ),
    "quoted": Family(
        start='"',
        piece="\\a",
        end="",
        found=r"""
"(?:[^"\\]|\\.)*$
""",
        not_found=r"""
"(?:[^"\\]|\\.)*"
"(?:\\.|[^"])*"
"(?:[^"]|\\")*"
^"(\\?.)*"$
"(?:\\a|\\.|.)*"
(?:"(?:\\.|[^\\"])*"|\w+)+;
""",
    ),
    "marks": Family(
        piece="<!-- /* **",
        end=">",
        found=r"""
<[^>]*>
<!--(?:[^-]|-[^-])*>
""",
        not_found=r"""
<!--.*?-->
/\*[\s\S]*?\*/
\*\*(.+?)\*\*/
<(?:[^<>]|<[^<>]*>)*>>
(?:<!--)+>
\$\{[^}]*\}
(?:<[^>]*)*>>
(?:\*+\s?)+/
""",
    ),
    "paired_marks": Family(
        piece="<b>",
        may_be_given_up=True,
        found=r"""
<(\w)>(?:<\1>)*!
""",
        not_found=r"""
<(\w+)[^>]*>.*</\1>
<(\w+)>(?:(?!</\1>).)*</\1>
(<\w+>)+\1{3}/
(['"<])(?:(?!\1).)*\1/
""",
    ),
    "browsers": Family(
        start="Mozilla/5.0 (",
        piece="x; ",
        pieces=3,
        end="",
        found=r"""
Mozilla/\d\.\d \((?:[^;)]+;\s*)*
""",
        not_found=r"""
Mozilla/\d\.\d \((?:[^;)]+;\s*)*[^)]*\)
^Mozilla/.*(?:\(.*;.*)*\).*Gecko
\((?:(?:\w+|\s|;)+)+\)
(?i)(?:bot|crawl|spider|x)[;\s]*(?:[;\s]|x)*\)
""",
    ),
}
"""By what makes them hostile, or by the kind of text."""

HOSTILE_PATTERNS = [one for family in FAMILIES.values() for one in family.patterns()]

UNSUPPORTED = [
    "a{10000}",
    "(?:a{200}){200}",
    "a{0,10000}b",
    "(?:(?:a{0,50}){0,50}){0,50}b",
    "(?:" * 13 + "a" + ")+" * 13,
    "(" * 101 + "a" + ")" * 101,
    "|".join(f"word{number}" for number in range(5000)),
]
"""Patterns that Python takes, and that are refused: too many steps, or nested too deep."""
