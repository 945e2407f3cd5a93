"""Methods that are written once and offered twice: a group of a Client answers at once, one of an AsyncClient is awaited."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from ._core import Course, Plan, Settings
from ._drivers import AsyncDriver, SyncDriver

P = ParamSpec("P")
T = TypeVar("T")
G = TypeVar("G", bound="Group[Any]")
D = TypeVar("D", bound="SyncDriver | AsyncDriver")


class Group(Generic[D]):
    """The methods of one service."""

    def __init__(self, driver: D, settings: Settings) -> None:
        self.driver = driver
        self.settings = settings


class method(Generic[P, T]):  # noqa: N801 (a decorator)
    """Makes a method of a plan: `T` of a Client, an awaitable of it of an AsyncClient. `plan` is the plan itself."""

    def __init__(self, plan: Callable[Concatenate[G, P], Plan[T]]) -> None:
        self.plan: Callable[..., Plan[T]] = plan
        self.__doc__ = plan.__doc__

    @overload
    def __get__(self, group: None, owner: type[Any]) -> method[P, T]: ...
    @overload
    def __get__(self, group: Group[SyncDriver], owner: type[Any]) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[AsyncDriver], owner: type[Any]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, group: Group[Any] | None, owner: type[Any]) -> Any:
        if group is None:
            return self

        @functools.wraps(self.plan)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return group.driver.run(self.plan(group, *args, **kwargs))

        return call


class course(Generic[P, T]):  # noqa: N801 (a decorator)
    """Makes a method of a course: an iterator of `T` of a Client, an asynchronous one of an AsyncClient."""

    def __init__(self, plan: Callable[Concatenate[G, P], Course[T]]) -> None:
        self.plan: Callable[..., Course[T]] = plan
        self.__doc__ = plan.__doc__

    @overload
    def __get__(self, group: None, owner: type[Any]) -> course[P, T]: ...
    @overload
    def __get__(self, group: Group[SyncDriver], owner: type[Any]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, group: Group[AsyncDriver], owner: type[Any]) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, group: Group[Any] | None, owner: type[Any]) -> Any:
        if group is None:
            return self

        @functools.wraps(self.plan)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return group.driver.stream(self.plan(group, *args, **kwargs))

        return call
