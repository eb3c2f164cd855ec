"""The words that stories are made of: who and what there is in them (`Vocabulary`), and how it is said (`Wording`).

`BABI` and `PLAIN` are the words of stories made with github.com/facebookarchive/bAbI-tasks. `PUBLISHED` is the wording
of the original distribution (version 1.2, Weston et al. 2015) as far as examples of it show. `WIDE` has many more names
of people, places and things, also those of that distribution: a model that learns from these learns what is done, and
not to whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
"""Of task 14, earliest first."""

OPPOSITE = {
    "north": "south",
    "south": "north",
    "east": "west",
    "west": "east",
    "above": "below",
    "below": "above",
    "to the left of": "to the right of",
    "to the right of": "to the left of",
}
"""Of each direction and position of tasks 4 and 17."""

MOTIVES = {
    "hungry": ("kitchen", "apple"),
    "thirsty": ("kitchen", "milk"),
    "bored": ("garden", "football"),
    "tired": ("bedroom", "pajamas"),
}
"""What people of task 20 are, where they go because of it, and what they get there. No story says it."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Who and what there can be in a story."""

    people: Mapping[str, str]  # name -> `he` or `she`
    places: tuple[str, ...]
    things: tuple[str, ...]  # that can be taken
    homes: Mapping[str, str] = field(default_factory=dict)  # where a person or thing is first; others: anywhere
    fearful: tuple[str, ...] = ()  # people of task 15
    painted: tuple[str, ...] = ()  # people of task 16
    restless: tuple[str, ...] = ()  # people of task 20
    fierce: Mapping[str, str] = field(default_factory=dict)  # animals of task 15: one of them -> many
    coloured: tuple[str, ...] = ()  # animals of task 16
    colours: tuple[str, ...] = ()  # of task 16
    shapes: tuple[str, ...] = ()  # of task 17
    shades: tuple[str, ...] = ()  # colours of task 17
    small: tuple[str, ...] = ()  # things of task 18, smallest first
    large: tuple[str, ...] = ()  # things of task 18, all larger than those; which of two is larger differs


@dataclass(frozen=True, slots=True)
class Wording:
    """How it is said. In templates stand {who}, {place}, {thing} and the like."""

    moves: tuple[str, ...]  # followed by `the {place}`
    takes: tuple[str, ...]  # followed by `the {thing}`
    drops: tuple[str, ...]
    gives: tuple[str, ...]
    there: float  # share of `takes` and `drops` that end in ` there`
    one_then: tuple[str, ...]  # begins a sentence on who was named last: one person
    some_then: tuple[str, ...]  # several
    either: str
    either_forgets: bool  # what was known of the place before is not used any more after `either`
    what_given: str
    who_given: str
    who_received: str
    who_gave: tuple[str, ...]  # further questions of task 5
    holding: str  # `holding` or `carrying`
    none: str  # the answer for no things at all
    beside: str  # follows a direction in task 4, before `the`
    sizes: tuple[str, ...]  # {large} and {small}
    larger: str
    lowers_names: bool  # in questions of tasks 15 and 20


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


BABI = Vocabulary(
    people={"Daniel": "he", "John": "he", "Mary": "she", "Sandra": "she"},
    places=("bathroom", "bedroom", "garden", "hallway", "kitchen", "office"),
    things=("apple", "football", "milk"),
    homes={
        "Daniel": "hallway",
        "John": "kitchen",
        "Mary": "bedroom",
        "Sandra": "garden",
        "apple": "kitchen",
        "football": "garden",
        "milk": "kitchen",
    },
    fearful=("Emily", "Gertrude", "Jessica", "Winona"),
    painted=("Bernhard", "Brian", "Greg", "Julius", "Lily"),
    restless=("Antoine", "Jason", "Sumit", "Yann"),
    fierce={"cat": "cats", "mouse": "mice", "sheep": "sheep", "wolf": "wolves"},
    coloured=("frog", "lion", "rhino", "swan"),
    colours=("gray", "green", "white", "yellow"),
    shapes=("rectangle", "sphere", "square", "triangle"),
    shades=("blue", "pink", "red", "yellow"),
    small=("chocolate", "box of chocolates"),
    large=("box", "container", "suitcase", "treasure chest"),
)

_HE = _list(
    "Adam Ahmed Alan Andre Antoine Arthur Bernhard Bill Boris Brian Bruno Carlos Chen Daniel David Diego Erik Felix "
    "Frank Fred George Greg Hassan Henry Hugo Igor Ivan Jack James Jason Jeff John Jonas Julius Kenji Kevin Leo "
    "Lucas Luigi Marcus Martin Max Miguel Nikhil Noah Omar Oscar Otto Pablo Paul Peter Pierre Rafael Raj Robert "
    "Ruben Samuel Stefan Sumit Thomas Tim Victor Viktor Walter Wei William Yann Yusuf"
)
_SHE = _list(
    "Agnes Aisha Alice Amina Anna Barbara Beatrice Carla Chloe Clara Diana Dora Elena Emily Emma Erika Eva Fatima "
    "Fiona Frida Gertrude Grace Greta Hannah Helen Ida Ines Irene Jessica Jia Jill Julia Julie Karen Kate Laura "
    "Leila Lily Linda Lucy Maria Marie Mary Mei Mila Nadia Nina Nora Olga Olivia Paula Petra Priya Rita Rosa Ruth "
    "Sandra Sara Selma Sofia Susan Tanya Teresa Tina Ursula Vera Wendy Winona Yuki Zoe"
)

WIDE = Vocabulary(
    people={**dict.fromkeys(_HE, "he"), **dict.fromkeys(_SHE, "she")},
    places=_list(
        "airport attic bakery balcony bank barn basement bathroom beach bedroom bridge cafe castle cellar chapel "
        "cinema classroom closet courtyard factory farm field forest garage garden gym hallway harbour hospital "
        "hotel kitchen laboratory library lobby market meadow museum office park pharmacy playground pool porch "
        "restaurant river roof school shop stable stadium station studio temple theatre tower village warehouse "
        "workshop zoo"
    ),
    things=_list(
        "apple backpack bag ball banana basket bell blanket book bottle bowl box bread brush bucket cake camera "
        "candle cap card carpet chair clock coat coin comb cookie cup doll drum feather flag flower football fork "
        "glass guitar hammer hat helmet jacket jar kettle key kite knife ladder lamp lemon letter map milk mirror "
        "needle newspaper orange pajamas pan pear pen pencil phone picture pillow plate potato pumpkin radio ring "
        "rope ruler sandwich scarf shirt shoe spoon stamp stone sweater ticket torch towel toy trumpet umbrella "
        "vase violin watch"
    ),
    fearful=_HE + _SHE,
    painted=_HE + _SHE,
    restless=_HE + _SHE,
    fierce={
        **{"cat": "cats", "mouse": "mice", "sheep": "sheep", "wolf": "wolves", "fox": "foxes", "goose": "geese"},
        **{"dog": "dogs", "lion": "lions", "tiger": "tigers", "bear": "bears", "snake": "snakes", "rabbit": "rabbits"},
        **{"horse": "horses", "duck": "ducks", "hawk": "hawks", "spider": "spiders", "cow": "cows", "pig": "pigs"},
    },
    coloured=_list(
        "bear camel cat cow crow deer dog dolphin duck fox frog goat goose hawk horse lion lizard monkey mouse "
        "panda parrot pig pigeon rabbit rhino seal shark snake spider swan tiger turtle whale wolf zebra"
    ),
    colours=_list("beige black blue brown gray green orange pink purple red silver white yellow"),
    shapes=_list("circle cone cross cube cylinder pyramid rectangle ring sphere square star triangle"),
    shades=_list("black blue brown gray green orange pink purple red white yellow"),
    small=("chocolate", "box of chocolates"),
    large=("bag", "basket", "box", "chest", "container", "crate", "drawer", "suitcase", "treasure chest", "trunk"),
)

PLAIN = Wording(
    moves=("journeyed to", "moved to", "travelled to", "went to"),
    takes=("got", "grabbed", "took"),
    drops=("dropped", "let go of", "put down"),
    gives=("{who} gave {other} the {thing}",),
    there=0,
    one_then=("After that {he}", "Following that {he}", "Then {he}", "{He} then"),
    some_then=("After that they", "Following that they", "Then they"),
    either="{who} is either in the {place} or in the {other}",
    either_forgets=False,
    what_given="What did {who} give to {other} last?",
    who_given="Who did {who} give the {thing} to last?",
    who_received="Who received the {thing} last?",
    who_gave=(),
    holding="holding",
    none="zero",
    beside="",
    sizes=("The {large} is bigger than the {small}",),
    larger="Is the {first} bigger than {second}?",
    lowers_names=False,
)

PUBLISHED = Wording(
    moves=("journeyed to", "moved to", "travelled to", "went back to", "went to"),
    takes=("got", "grabbed", "picked up", "took"),
    drops=("discarded", "dropped", "left", "put down"),
    gives=(
        "{who} gave the {thing} to {other}",
        "{who} handed the {thing} to {other}",
        "{who} passed the {thing} to {other}",
    ),
    there=0.4,
    one_then=("After that {he}", "Afterwards {he}", "Following that {he}", "Then {he}"),
    some_then=("After that they", "Afterwards they", "Following that they", "Then they"),
    either="{who} is either in the {place} or the {other}",
    either_forgets=True,
    what_given="What did {who} give to {other}?",
    who_given="Who did {who} give the {thing} to?",
    who_received="Who received the {thing}?",
    who_gave=("Who gave the {thing} to {other}?", "Who gave the {thing}?"),
    holding="carrying",
    none="none",
    beside=" of",
    sizes=("The {large} is bigger than the {small}", "The {small} fits inside the {large}"),
    larger="Is the {first} bigger than the {second}?",
    lowers_names=True,
)
