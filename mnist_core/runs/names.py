"""Friendly names for runs: how they are drawn, which ones a user may give, and how they differ from ids."""

import re
import secrets
from collections.abc import Callable
from itertools import count

from mnist_core.errors import InvalidInput

__all__ = ["MAX_NAME", "check_name", "free_name", "friendly_name", "looks_like_id"]

MAX_NAME = 60
"""Most characters of a name."""

ADJECTIVES = """
able agile amber ample apt autumn awake azure balmy bold brave breezy bright brisk broad calm candid careful
cheery chief civil clear clever cosmic cosy crisp curious dapper daring deft dewy dusky eager early earnest easy
elder even fair fancy fast fleet fluent fond frank free fresh frosty gentle giddy glad golden grand green handy
happy hardy hazy honest humble ideal indigo ivory jade jaunty jolly jovial keen kind level light lively loyal
lucid lucky lunar mellow merry mild mindful misty modest neat nimble noble olive open patient plain polite prime
proud quick quiet rapid ready regal robust rosy royal rustic sage serene sharp shy silent silver simple sleek
smart snowy snug solar solid sonic spry stable steady still sturdy subtle sunny sure swift tender tidy topaz
tranquil true upbeat urban valiant velvet vivid warm wary wild wise witty young zesty
"""
ANIMALS = """
alpaca ant antelope badger bat bear beaver bee beetle bison boar bobcat buffalo camel caribou carp cat cheetah
clam cobra cod condor cougar coyote crab crane cricket crow cuckoo deer dingo dolphin donkey dove dragonfly duck
eagle eel egret elk emu falcon ferret finch firefly fox frog gazelle gecko gibbon giraffe gnu goat goose gopher
grouse gull hamster hare hawk hedgehog heron hippo hornet horse hyena ibex ibis iguana impala jackal jaguar jay
kestrel kiwi koala ladybird lark lemur leopard limpet lion lizard llama lobster lynx macaw magpie mammoth manatee
marmot marten meerkat mole mongoose moose moth mouse mule newt ocelot octopus okapi oriole osprey ostrich otter
owl oyster panda panther parrot pelican penguin pheasant pigeon plover pony puffin puma quail rabbit raccoon ram
raven robin rook salmon seal shark sheep shrew skink sloth snail sparrow spider squid squirrel stork swallow swan
tapir tern tiger toad toucan trout tuna turtle viper vole walrus wasp weasel whale wolf wombat wren yak zebra
"""
ID_PREFIX = re.compile(r"[0-9a-f]{4,8}|[0-9a-f]{8}-[0-9a-f-]{0,27}", re.IGNORECASE)
NAME = re.compile(r"[^\W_](?:[\w .-]*[\w.-])?")


def friendly_name() -> str:
    """A random name such as `quiet-otter`."""
    return f"{secrets.choice(ADJECTIVES.split())}-{secrets.choice(ANIMALS.split())}"


def looks_like_id(text: str) -> bool:
    """Whether the text could be a run id or the beginning of one (4 characters at least)."""
    return ID_PREFIX.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Returns the name if a run may have it.

    Raises:
        InvalidInput: it is empty, too long, holds other characters, or looks like an id.
    """
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise InvalidInput(
            f"`name` must be 1 to {MAX_NAME} letters, digits, spaces, `-`, `_` or `.`, the first a letter or digit,"
            f" the last no space, got {name[: MAX_NAME + 20]!r}; choose another."
        )
    if looks_like_id(name):
        raise InvalidInput(f"`name` must not look like a run id, got {name!r}; add a letter from g to z.")
    return name


def free_name(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """The wanted name, or the same with the smallest number behind it that makes it free."""
    if not is_taken(wanted):
        return wanted
    suffixes = (f"-{number}" for number in count(2))
    numbered = (wanted[: MAX_NAME - len(suffix)] + suffix for suffix in suffixes)
    return next(name for name in numbered if not is_taken(name))
