"""The same work on threads, on processes, or on machines that Dask lends; results in order."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from metabone.errors import MissingExtraError, ModelError, UsageError
from metabone.options import check_option

Engine = Literal["threads", "processes", "dask"]

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")
Submit = Callable[..., "Future[Any]"]

# How many tasks for each worker wait in the queue: enough that none idles, few enough that an
# early stop throws little away.
_AHEAD = 3


def workers_of(workers: int | None) -> int:
    """How many workers are meant: `workers`, or as many as this process may use cores.

    Raises
    ------
    UsageError
        If fewer than one is asked for.

    Examples
    --------
    >>> workers_of(3)
    3
    """
    if workers is None:
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # not on macOS or Windows
            return os.cpu_count() or 1
    if workers < 1:
        raise UsageError(f"workers must be 1 or more; got {workers}")
    return workers


def in_order(
    task: Callable[[Argument], Answer],
    arguments: Iterable[Argument],
    *,
    engine: str = "threads",
    workers: int | None = None,
    scheduler: str | None = None,
) -> Generator[Answer, None, None]:
    """Yield ``task(argument)`` for each argument, in the order of the arguments.

    Arguments are drawn as workers get free, so an endless iterable is fine; closing the iterator
    drops what has not begun.

    Parameters
    ----------
    task : a function of a module (processes and Dask must be able to send it).
    engine : ``threads``, ``processes`` (joblib's loky) or ``dask``.
    workers : default all cores; with `scheduler` the cluster's own number.
    scheduler : address of a Dask scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    UsageError
        If the engine is unknown, a scheduler is given to another engine than ``dask``, or no
        scheduler answers at the address.
    MissingExtraError
        If Dask is asked for and not installed.
    ModelError
        If a worker dies.

    Examples
    --------
    >>> list(in_order(abs, [-2, 3, -1], workers=2))
    [2, 3, 1]
    """
    engine = check_option("engine", engine, Engine)
    if scheduler is not None and engine != "dask":
        raise UsageError(f"scheduler is for engine 'dask'; the engine is {engine!r}")
    pool = {"threads": _threads, "processes": _processes}.get(engine)
    opened = _dask(workers, scheduler) if pool is None else pool(workers_of(workers))
    pending: deque[Future[Any]] = deque()
    with opened as (submit, width):
        try:
            for argument in arguments:
                pending.append(submit(task, argument))
                if len(pending) >= _AHEAD * width:
                    yield _answer(pending.popleft())
            while pending:
                yield _answer(pending.popleft())
        finally:
            for future in pending:
                future.cancel()


def _answer(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise ModelError(
            "a worker process ended before its work was done (out of memory, or killed); "
            "try fewer workers or the engine 'threads'"
        ) from error


@contextlib.contextmanager
def _threads(workers: int) -> Iterator[tuple[Submit, int]]:
    with ThreadPoolExecutor(workers, thread_name_prefix="metabone") as pool:
        yield pool.submit, workers


@contextlib.contextmanager
def _processes(workers: int) -> Iterator[tuple[Submit, int]]:
    from joblib.externals.loky import ProcessPoolExecutor

    # A pool of its own: the reusable one is joblib.Parallel's too, which takes no other's for its
    # own and breaks on it.
    pool = ProcessPoolExecutor(workers)
    try:
        yield pool.submit, workers
    finally:
        pool.shutdown()


@contextlib.contextmanager
def _dask(workers: int | None, scheduler: str | None) -> Iterator[tuple[Submit, int]]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(
            "the engine 'dask' needs Dask: pip install 'metabone[dask]'"
        ) from error
    if scheduler is None:
        # In this process and without its web page: nothing listens outside this machine.
        local = workers_of(workers)
        client = Client(
            n_workers=1, threads_per_worker=local, processes=False, dashboard_address=None
        )
        width = local
    else:
        try:
            client = Client(scheduler, timeout="10s")
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"no Dask scheduler answers at {scheduler!r}: {error}") from error
        width = max(1, sum(client.nthreads().values()))
    with client:
        # pure=False: each chunk is its own work, never looked up by a hash of its argument.
        yield lambda task, argument: client.submit(task, argument, pure=False), width
