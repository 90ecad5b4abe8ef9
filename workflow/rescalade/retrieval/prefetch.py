"""Asking the processor for memory before it is needed, from compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _prefetch(typing_context: Any, array: Any, position: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.gep(context.make_array(array)(context, builder, arguments[0]).data, [arguments[1]])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        read, keep_in_second_level, data = (ir.Constant(number, value) for value in (0, 2, 1))
        builder.call(
            builder.module.declare_intrinsic("llvm.prefetch", [byte], kind),
            [builder.bitcast(pointer, byte), read, keep_in_second_level, data],
        )
        return context.get_dummy_value()

    return types.void(array, types.int64), emit


prefetch: Any = intrinsic(_prefetch)
"""`prefetch(array, position)` in a kernel: begin to load the line of array[position].

Never a fault, whatever the position, and without effect on any result. Where the processor has no such instruction the
compiler leaves it out.
"""
