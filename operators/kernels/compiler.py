"""Compilation by numba: once, when a module of kernels is imported, for the types that are named.

Kernels fill arrays that numpy made: those made by compiled code have a dtype object of their own, with which `add.at`
is fifty times slower.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types

Function = TypeVar("Function", bound=Callable[..., Any])


def reads(kind: Any) -> Any:
    """A contiguous column that is only read; one that may be written is accepted as well."""
    return types.Array(kind, 1, "C", readonly=True)


def writes(kind: Any) -> Any:
    """A contiguous column that is written."""
    return types.Array(kind, 1, "C")


def compiled(*signatures: Any) -> Callable[[Function], Function]:
    """Compile a function for these signatures and no others, so that nothing compiles in the middle of a flow.

    It runs without the interpreter's lock. What was compiled is kept on disk where there is a place for it.
    """

    def compile_now(function: Function) -> Function:
        try:
            done = numba.njit(list(signatures), nogil=True, cache=True)(function)
        except RuntimeError:  # neither this folder nor a cache of the user can be written
            done = numba.njit(list(signatures), nogil=True)(function)
        return cast(Function, done)

    return compile_now
