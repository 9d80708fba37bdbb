# SPDX-License-Identifier: Apache-2.0
"""Where the work of a search is done: processes of this computer, or an existing Dask cluster."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from . import __version__, hostlib, searchdata
from .errors import AuscultError

Work = tuple[Any, ...]  # arguments of one piece
_ANSWER_S = 10


class Here:
    """This very process."""

    shared = True

    def run(self, function: Callable[..., Any], works: Sequence[Work],
            enough: Callable[[], bool] = lambda: False) -> Iterator[tuple[int, Any]]:
        """(number, result) in order. enough: once it says so nothing new is begun."""
        for number, work in enumerate(works):
            if enough():
                return
            with one_thread():
                result = function(*work)
            yield number, result

    def lend(self, folder: Path) -> Any:
        """What a worker needs to get at a table."""
        return folder

    def close(self) -> None:
        """Nothing is left running."""


class Local(Here):
    """Processes of this computer; tables are read from files."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        # Not forked: a copy of a process with threads (BLAS) may hang.
        self.pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_worker)

    def run(self, function: Callable[..., Any], works: Sequence[Work],
            enough: Callable[[], bool] = lambda: False) -> Iterator[tuple[int, Any]]:
        """As Here.run, but as they come."""
        waiting = list(range(len(works)))[::-1]
        running: dict[Future[Any], int] = {}
        try:
            while waiting or running:
                while waiting and len(running) <= self.jobs and not enough():
                    number = waiting.pop()
                    running[self.pool.submit(function, *works[number])] = number
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool as error:
            raise AuscultError("a worker process of the search was ended from outside, perhaps for lack of memory",
                               "workers that run to their end", "go on with --resume, with fewer processes: --jobs 1") from error

    def close(self) -> None:
        """End all work."""
        processes = list((self.pool._processes or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def _worker() -> None:
    """Ctrl-C is the parent's business; one thread each, so that results do not depend on the number of processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one_thread()


def one_thread() -> Any:
    """One thread for BLAS and OpenMP, from now on or as a context."""
    import sklearn.linear_model  # noqa: F401  so that its libraries are loaded before they are limited
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return threadpool_limits(1)


class Cluster:
    """An existing Dask cluster. A worker that dies costs nothing: the scheduler gives its work to another."""

    def __init__(self, address: str, folder: Path) -> None:
        try:
            import distributed
        except ImportError as error:
            raise AuscultError("dask is not installed", "the packages dask and distributed",
                               "pip install 'auscult[dask]'") from error
        try:
            self.client = distributed.Client(address if "://" in address else f"tcp://{address}", timeout=_ANSWER_S,
                                             set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise AuscultError(f"no Dask scheduler answers at {address}", "host:port of a running scheduler",
                               "start one with `dask scheduler`, and workers with `dask worker HOST:PORT`") from error
        try:
            workers = self.client.scheduler_info(n_workers=-1)["workers"]
            if not workers:
                raise AuscultError(f"the Dask scheduler at {address} has no workers", "at least one", f"dask worker {address}")
            self._check_versions()
            self.jobs = sum(worker["nthreads"] for worker in workers.values())
            self.shared = self._shares(folder)
        except BaseException:
            self.client.close()
            raise
        self.lent: dict[Path, Any] = {}

    def _check_versions(self) -> None:
        """Workers with other code would compute other features."""
        try:
            found = set(self.client.run(version).values())
        except Exception as error:  # whatever a worker that lacks the package makes of it
            raise AuscultError(f"the workers cannot run auscult ({type(error).__name__}: {error})"[:300],
                               f"auscult {__version__} on every worker and on the scheduler", "install it there") from error
        if found != {version()}:
            raise AuscultError("workers with another version of auscult", f"{__version__}, the very same sources, on all",
                               "install the same version everywhere")

    def _shares(self, folder: Path) -> bool:
        """Whether all workers see this folder."""
        mark = folder / f".shared-{os.getpid()}"
        mark.write_text("")
        try:
            return all(self.client.run(os.path.exists, str(mark.resolve())).values())
        finally:
            mark.unlink(missing_ok=True)

    def run(self, function: Callable[..., Any], works: Sequence[Work],
            enough: Callable[[], bool] = lambda: False) -> Iterator[tuple[int, Any]]:
        """As Local.run."""
        from distributed import as_completed

        waiting = list(range(len(works)))[::-1]
        numbers: dict[str, int] = {}
        running = as_completed(loop=self.client.loop)
        try:
            while waiting or numbers:
                while waiting and len(numbers) <= self.jobs and not enough():
                    number = waiting.pop()
                    future = self.client.submit(_on_worker, function, *works[number], pure=False, retries=3)
                    numbers[future.key] = number
                    running.add(future)
                if not numbers:
                    return
                future = next(running)
                yield numbers.pop(future.key), future.result()
        finally:
            with contextlib.suppress(Exception):
                running.clear()

    def lend(self, folder: Path) -> Any:
        """A path where all workers see it, else a copy on each worker."""
        if self.shared:
            return folder.resolve()
        if folder not in self.lent:
            self.lent[folder] = self.client.scatter(searchdata.whole(folder), broadcast=True)
        return self.lent[folder]

    def close(self) -> None:
        """Leave the cluster as it was."""
        self.lent.clear()
        self.client.close()


def version() -> str:
    """Of the host's package and of the C core."""
    return f"{__version__} {hostlib.sources_digest()}"


def _on_worker(function: Callable[..., Any], *arguments: Any) -> Any:
    with one_thread():
        return function(*arguments)
