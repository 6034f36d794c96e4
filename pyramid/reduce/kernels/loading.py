"""Kernels that are loaded while NumPy does their work."""

from __future__ import annotations

import functools
import importlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from pyramid.concurrency.signals import leave_signals
from pyramid.reduce.kernels.planes import MAX_LANES, Kernel, reduce_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# Processor's time in NumPy, of all threads, after which a kernel is loaded from disk: about what loading takes. A small
# image is finished by then, and a large one has lost little.
PATIENCE_S = 0.03
# Time after which one that is not on disk is compiled, which takes a second or two, once on a machine.
COMPILING_PAYS_S = 0.5


class LazyKernel:
    """A kernel for one dtype and factor along x.

    Parameters
    ----------
    address
        Module and name of the kernel, as ``pyramid.reduce.kernels.mean:mean``.
    dtype
        Name of the dtype of the pixels.
    factor_x
        Factor along x that the kernel is compiled for, or 0 for one that takes any.
    """

    def __init__(self, address: str, dtype: str, factor_x: int) -> None:
        self.address = address
        self.dtype = dtype
        self.factor_x = factor_x
        self.loaded: Kernel | None = None
        self._lock = threading.Lock()
        self._spent_s = 0.0
        self._patience_s = PATIENCE_S
        self._begun = False
        self._failed = False

    def load(self) -> Kernel:
        """Return the kernel, and load or compile it at the first call."""
        module, _, name = self.address.partition(":")
        kernel: Kernel = getattr(importlib.import_module(module), name)
        if self.loaded is None:
            pixels: NDArray[np.generic] = np.zeros((1, 1, 1, 1, self.factor_x or MAX_LANES + 1), self.dtype)
            reduce_planes(kernel, pixels, pixels.shape, pixels.shape, np.empty((1,) * pixels.ndim, self.dtype))
            self.loaded = kernel
        return kernel

    def try_load(self) -> Kernel | None:
        """Return the kernel, or None with a warning if it cannot be loaded."""
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
        """Time what NumPy does in the kernel's place, and load the kernel once that pays."""
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
        if self._patience_s < COMPILING_PAYS_S:
            try:
                with without_compiling():
                    self.load()
            except NotKeptError:
                with self._lock:
                    self._patience_s, self._begun = COMPILING_PAYS_S, False
                return
            except Exception:  # as below
                logger.debug("a compiled kernel cannot be loaded", exc_info=True)
        self.try_load()


@functools.cache
def find_kernel(address: str, dtype: str, factor_x: int) -> LazyKernel:
    """Return this process's kernel for a dtype and a factor along x.

    Examples
    --------
    >>> find_kernel("pyramid.reduce.kernels.mean:mean", "uint16", 2).dtype
    'uint16'
    """
    return LazyKernel(address, dtype, factor_x)
