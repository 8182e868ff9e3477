"""What a machine computes with, keeps things on, and can reach; nothing is waited for beyond `PATIENCE_SECONDS`."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bgs.errors import BgsError, show_line

Status = Literal["ok", "note", "broken"]

PATIENCE_SECONDS = 2.0
FREE_BYTES_WANTED = 2**30
FREE_BYTES_NEEDED = 2**20  # less than one clip takes
BF16_UNITS = ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16")  # torch's names: x86, then ARM
OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


@dataclass(frozen=True)
class Finding:
    """One line: where it belongs, what was looked at, how it is, and what to do if it is not well."""

    section: str
    name: str
    status: Status
    value: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return asdict(self)


def check_devices() -> Iterator[Finding]:
    """What computes, whether bfloat16 is in the hardware, and how many threads there are."""
    try:
        import torch
    except (ImportError, OSError) as error:
        remedy = "pip install --force-reinstall torch"
        yield Finding(
            "device", "torch", "broken", f"does not import: {show_line(str(error))}", remedy
        )
        return
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            yield Finding(
                "device", f"cuda:{index}", "ok", f"{card.name}, {_bytes(card.total_memory)}"
            )
    elif torch.backends.mps.is_available():
        yield Finding("device", "mps", "ok", f"Apple GPU, {_memory()} shared with the CPU")
    else:
        remedy = "a ViT-L needs a GPU to be tuned in hours; bgs-tiny and heads on features do not"
        yield Finding("device", "cpu", "note", f"no GPU; {_memory()}", remedy)
    yield check_bf16()
    yield check_threads()


def check_bf16() -> Finding:
    """Whether bfloat16 is in the hardware of the device that would train; emulated, it only costs time."""
    import torch

    if torch.cuda.is_available():
        units = ["cuda"] if torch.cuda.is_bf16_supported(including_emulation=False) else []
    else:
        units = [name for name in BF16_UNITS if cpu_can(name)]
    if units:
        return Finding("device", "bf16", "ok", f"in hardware: {', '.join(units)}")
    remedy = "leave training.bf16 off: it would be slower than float32"
    return Finding("device", "bf16", "note", "not in hardware", remedy)


def check_threads() -> Finding:
    """Threads that torch would start, beside the cores that this process may use."""
    import torch

    threads, cores = torch.get_num_threads(), _usable_cores()
    asked = os.environ.get("OMP_NUM_THREADS", "unset")
    value = f"{threads} for torch on {cores} usable cores (OMP_NUM_THREADS {asked})"
    if threads <= cores:
        return Finding("device", "threads", "ok", value)
    remedy = f"set OMP_NUM_THREADS={cores}: more threads than cores slow each other"
    return Finding("device", "threads", "note", value, remedy)


def cpu_can(feature: str) -> bool:
    """Whether the processor has an instruction set, by torch's name for it."""
    import torch

    if not hasattr(torch.cpu, "get_capabilities"):  # older versions cannot say
        return False
    return bool(torch.cpu.get_capabilities().get(feature, False))


def check_caches() -> Iterator[Finding]:
    """Where decoded clips and downloaded weights are kept, how much there is, how much would still fit."""
    from huggingface_hub.constants import HF_HUB_CACHE

    try:
        from bgs.data.clip_store import default_cache_dir
    except (ImportError, OSError):
        return  # it needs torch, which is reported as broken by now
    places = (
        ("clip cache", default_cache_dir(), "BGS_CACHE"),
        ("weights cache", Path(HF_HUB_CACHE), "HF_HUB_CACHE"),
    )
    for name, folder, variable in places:
        yield _check_cache(name, folder, variable)


def _check_cache(name: str, folder: Path, variable: str) -> Finding:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    value = f"{show_line(str(folder))}: {_size_of(folder)}, {_bytes(free)} free"
    # Every command that reads clips decodes them into the one; weights may come from a shared cache, which only
    # its owner writes, or from folders.
    absent: Status = "broken" if variable == "BGS_CACHE" else "note"
    if not _can_write(folder, there):
        remedy = f"set {variable} to a folder you may write to"
        return Finding("caches", name, absent, f"{value}, not writable", remedy)
    if free < FREE_BYTES_WANTED:
        # A small set of clips still fits into little space, none at all into next to nothing.
        status: Status = absent if free < FREE_BYTES_NEEDED else "note"
        remedy = f"free some space, or set {variable} to a larger disk"
        return Finding("caches", name, status, value, remedy)
    return Finding("caches", name, "ok", value)


def _can_write(folder: Path, there: Path) -> bool:
    """Whether a cache can be made and filled; `there` is the nearest folder that exists. A full disk is not meant."""
    from bgs.data.clip_store import check_writable

    if not (there.is_dir() and os.access(there, os.W_OK)):
        return False
    try:
        check_writable(folder)
    except BgsError as error:
        why = error.__cause__
        return isinstance(why, OSError) and why.errno in (errno.ENOSPC, errno.EDQUOT)
    return True


def _size_of(folder: Path) -> str:
    """The size of what is in a folder; counting stops when patience does."""
    if not folder.exists():
        return "nothing yet"
    total, until = 0, time.monotonic() + PATIENCE_SECONDS
    for root, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(root, name)
            total += (
                0 if os.path.islink(path) or not os.path.exists(path) else os.path.getsize(path)
            )
        if time.monotonic() > until:
            return f"more than {_bytes(total)}"
    return _bytes(total)


def check_hub() -> Finding:
    """Whether Hugging Face can be asked for weights; a proxy is believed, silence is not waited for."""
    named = [name for name in OFFLINE_SWITCHES if os.environ.get(name, "0") not in ("", "0")]
    if named:
        remedy = f"only weights in the cache can be loaded; unset {named[0]} to download others"
        return Finding("hub", "hub", "note", f"offline, because {named[0]} is set", remedy)
    from huggingface_hub.constants import ENDPOINT

    address = urlsplit(ENDPOINT)
    host, port = (
        address.hostname or "huggingface.co",
        address.port or (80 if address.scheme == "http" else 443),
    )
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return Finding("hub", "hub", "ok", f"{host} by way of a proxy, not tried")
    if answers(lambda: socket.create_connection((host, port), timeout=PATIENCE_SECONDS).close()):
        return Finding("hub", "hub", "ok", f"{host} answers")
    remedy = "set HF_HUB_OFFLINE=1 so that nothing waits for it, or give backbones by folder"
    return Finding("hub", "hub", "note", f"{host} does not answer", remedy)


def answers(connect: Callable[[], object]) -> bool:
    """Whether a connection is made in time; looking up a name can hang for longer than any socket would."""
    done = threading.Event()

    def try_it() -> None:
        try:
            connect()
        except OSError:
            return
        done.set()

    attempt = threading.Thread(target=try_it, daemon=True)
    attempt.start()
    attempt.join(PATIENCE_SECONDS)
    return done.is_set()


def _usable_cores() -> int:
    affinity = getattr(
        os, "sched_getaffinity", None
    )  # a batch system may lend fewer than there are
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory() -> str:
    if not hasattr(os, "sysconf"):  # Windows
        return "memory of unknown size"
    return f"{_bytes(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'))} of memory"


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
