"""Spreads work over devices, one encoder and one thread each, and writes in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")


def run_on_devices(
    items: Sequence[Item],
    devices: Sequence[str],
    load: Callable[[str], Loaded],
    make: Callable[[Loaded, Item], Callable[[], None]],
) -> None:
    """Make every item on whichever device is free.

    Args:
        load: what a device needs to make items; called once per device, and not at all without items.
        make: returns a function that writes the item, which runs beside the making of the next one. A
            device waits for its last write before the next begins, so at most two items per device are in
            memory.

    Raises:
        Exception: the first that any of them raised; the others end with the item they are at.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    for item in items:
        waiting.put(item)
    failed = Event()

    def work(loaded: Loaded, writer: ThreadPoolExecutor) -> None:
        writing: Future[None] | None = None
        try:
            while not failed.is_set():
                try:
                    item = waiting.get_nowait()
                except Empty:
                    break
                write = make(loaded, item)
                if writing is not None:
                    writing.result()
                writing = writer.submit(write)
            if writing is not None:
                writing.result()
        except BaseException:
            failed.set()
            raise

    if not items:
        return
    # one after another: transformers changes global state while it loads a model
    encoders = [load(device) for device in devices[: len(items)]]
    with ThreadPoolExecutor(1, thread_name_prefix="writer") as writer:
        if len(encoders) == 1:  # in the main thread, where Ctrl-C arrives
            work(encoders[0], writer)
            return
        with ThreadPoolExecutor(len(encoders), thread_name_prefix="device") as pool:
            for future in [pool.submit(work, loaded, writer) for loaded in encoders]:
                future.result()
