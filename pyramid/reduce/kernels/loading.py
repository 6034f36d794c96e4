"""Kernels that are loaded while NumPy does their work."""

from __future__ import annotations

import functools
import importlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from pyramid.concurrency.signals import leave_signals
from pyramid.reduce.kernels.planes import MAX_LANES, Kernel, reduce_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Code = TypeVar("Code")

# Processor's time in NumPy, of all threads, after which a kernel is loaded from disk: about what loading takes. A small
# image is finished by then, and a large one has lost little.
PATIENCE_S = 0.03
# Time after which one that is not on disk is compiled, which takes a second or two, once on a machine.
COMPILING_PAYS_S = 0.5


class LazyCode(Generic[Code]):
    """A compiled loop. NumPy does its work until it is loaded.

    Parameters
    ----------
    address
        Module and name of the loop, as ``pyramid.reduce.kernels.mean:mean``.
    compiling_pays_s
        Processor's time in NumPy after which a loop is compiled that is not on disk.

    Attributes
    ----------
    loaded
        The loop, once it is ready.
    """

    def __init__(self, address: str, compiling_pays_s: float = COMPILING_PAYS_S) -> None:
        self.address = address
        self.loaded: Code | None = None
        self._compiling_pays_s = compiling_pays_s
        self._lock = threading.Lock()
        self._spent_s = 0.0
        self._patience_s = PATIENCE_S
        self._begun = False
        self._failed = False

    def prime(self, code: Code) -> None:
        """Run the loop on next to nothing, so that it is there for such arguments."""
        raise NotImplementedError

    def load(self) -> Code:
        """Return the loop, and load or compile it at the first call."""
        module, _, name = self.address.partition(":")
        code: Code = getattr(importlib.import_module(module), name)
        if self.loaded is None:
            self.prime(code)
            self.loaded = code
        return code

    def try_load(self) -> Code | None:
        """Return the loop, or None with a warning if it cannot be loaded."""
        if self.loaded is not None or self._failed:
            return self.loaded
        try:
            return self.load()
        except Exception:  # NumPy goes on, with the same pixels
            self._failed = True
            logger.warning("a compiled kernel cannot be loaded; NumPy is used, which is slower", exc_info=True)
            return None

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Time what NumPy does in the loop's place, and load the loop once that pays."""
        start_s = time.thread_time()
        yield
        with self._lock:
            self._spent_s += time.thread_time() - start_s
            begins = self._spent_s > self._patience_s and not self._begun
            self._begun |= begins
        if begins:
            # Not a daemon: a process that ended within the compiler could crash.
            threading.Thread(target=self._load_meanwhile, name="pyramid-kernel", daemon=False).start()

    def _load_meanwhile(self) -> None:
        from pyramid.reduce.kernels.compiled import NotKeptError, without_compiling  # noqa: PLC0415  (LLVM)

        leave_signals()
        if self._patience_s < self._compiling_pays_s:
            try:
                with without_compiling():
                    self.load()
            except NotKeptError:
                with self._lock:
                    self._patience_s, self._begun = self._compiling_pays_s, False
                return
            except Exception:  # as below
                logger.debug("a compiled kernel cannot be loaded", exc_info=True)
        self.try_load()


class LazyKernel(LazyCode[Kernel]):
    """A kernel for one dtype and factor along x.

    Parameters
    ----------
    address
        As of `LazyCode`.
    dtype
        Name of the dtype of the pixels.
    factor_x
        Factor along x that the kernel is compiled for, or 0 for one that takes any.
    """

    def __init__(self, address: str, dtype: str, factor_x: int) -> None:
        super().__init__(address)
        self.dtype = dtype
        self.factor_x = factor_x

    def prime(self, code: Kernel) -> None:
        """Reduce one window."""
        pixels: NDArray[np.generic] = np.zeros((1, 1, 1, 1, self.factor_x or MAX_LANES + 1), self.dtype)
        reduce_planes(code, pixels, pixels.shape, pixels.shape, np.empty((1,) * pixels.ndim, self.dtype))


@functools.cache
def find_kernel(address: str, dtype: str, factor_x: int) -> LazyKernel:
    """Return this process's kernel for a dtype and a factor along x.

    Examples
    --------
    >>> find_kernel("pyramid.reduce.kernels.mean:mean", "uint16", 2).dtype
    'uint16'
    """
    return LazyKernel(address, dtype, factor_x)
