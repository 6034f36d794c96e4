"""Machine code, loaded from object files."""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, cast

import llvmlite.binding as llvm

# LLVM is used by one thread at a time.
_lock = threading.Lock()
# What holds the code that is loaded: it lives as long as the process.
_engines: list[llvm.ExecutionEngine] = []


class ObjectCode(NamedTuple):
    """An object file, and the name of the function in it."""

    symbol: str
    content: bytes


def load(code: ObjectCode) -> int:
    """Load an object file, and return the address of its function.

    The file must hold code for this processor: nothing checks that.
    """
    with _lock, _numbas_lock():
        if not _engines:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine()
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code.content))
        engine.finalize_object()
        _engines.append(engine)
        return int(engine.get_function_address(code.symbol))


def processor() -> str:
    """Return the name of this machine's processor and of what it can do."""
    with _lock, _numbas_lock():
        return f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def _numbas_lock() -> AbstractContextManager[object]:
    """Return the lock under which Numba uses LLVM, if the process has Numba."""
    if "numba" not in sys.modules:
        return nullcontext()
    from numba.core.compiler_lock import global_compiler_lock  # noqa: PLC0415  (imported already)

    return cast("AbstractContextManager[object]", global_compiler_lock)
