"""Processes as their images have them: what only development installs is hidden from an import.

Some libraries import others where these happen to be there, and so a process of a development
environment is larger than the same one in production (`rich` alone is 4 MB).
"""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def as_deployed(module: str) -> list[str]:
    """The interpreter's arguments that run a service's module and hide what its image lacks."""
    installed = _closure(module.partition(".")[0])
    hidden = [
        name
        for name, distributions in packages_distributions().items()
        if installed.isdisjoint(map(canonicalize_name, distributions))
    ]
    return ["-c", _RUN, module, *hidden]


_RUN = """
import runpy, sys
_, module, *hidden = sys.argv
sys.argv[1:] = []
sys.modules.update(dict.fromkeys(hidden))  # None: to import it fails as if it were absent
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@cache
def _closure(member: str) -> frozenset[str]:
    """The names of what a member requires, of what these require, and its own."""
    found: set[tuple[str, frozenset[str]]] = set()
    left = [Requirement(member)]
    while left:
        wanted = left.pop()
        which = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if which not in found:
            found.add(which)
            left += _required(*which)
    return frozenset(name for name, _ in found)


def _required(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    try:
        requirements = distribution(name).requires or ()
    except PackageNotFoundError:
        return  # for another system than this
    for requirement in map(Requirement, requirements):
        environments = [{"extra": extra} for extra in (*extras, "")]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield requirement
