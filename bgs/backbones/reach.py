"""Say at once that a model cannot be had, instead of asking a hub six times for a mistyped folder."""

from __future__ import annotations

import difflib
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from bgs.errors import BackboneError

LOCAL = ("/", ".", "~", "runs/", "models/")  # how a path begins that nobody means as an id
SECONDS = 3.0  # for a connection; a hub that takes longer to say hello is as good as none
ALWAYS_THERE = ("config.json", "modules.json")


def check_reachable(name: str) -> None:
    """Refuse a name that is no folder here, where it looks like one or no hub can be asked for it."""
    refuse_absent_path(name)
    if Path(name).expanduser().exists() or _is_cached(name):
        return
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or constants.ENDPOINT
    if constants.HF_HUB_OFFLINE or not _connects(host):
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else f"{host} cannot be reached"
        raise BackboneError(
            f"{name!r} is neither a folder here nor in the cache of downloads, and {why}",
            remedy="check the name and the connection, or give a folder",
        )


def refuse_absent_path(name: str) -> None:
    """Refuse what was meant as a path and is not there; needs no network and next to no time."""
    if _looks_local(name) and not Path(name).expanduser().exists():
        raise BackboneError(f"{name!r} is not there", remedy=_remedy(name))


def _looks_local(name: str) -> bool:
    """Whether somebody who typed this meant a path."""
    parent = Path(name).expanduser().parent
    return name.startswith(LOCAL) or name.count("/") > 1 or ("/" in name and parent.is_dir())


def _remedy(name: str) -> str:
    """The folder that was probably meant, where one is spelt alike."""
    path = Path(name).expanduser()
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r} either; check the path"
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_dir()]
    close = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.5)
    return f"did you mean {str(path.parent / close[0])!r}?" if close else "check the path"


def _is_cached(name: str) -> bool:
    """Whether this id was downloaded before; a bare name may stand for a sentence-transformers model."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return any(
            isinstance(try_to_load_from_cache(repository, file), str)
            for repository in (name, f"sentence-transformers/{name}")[: 1 if "/" in name else 2]
            for file in ALWAYS_THERE
        )
    except HFValidationError:
        return False


def _connects(host: str) -> bool:
    """Whether anything answers; a proxy is taken at its word. Looking up a name cannot be given a time limit, so it
    is left behind in a thread where it takes too long.
    """
    if getproxies():
        return True
    answered = threading.Event()

    def knock() -> None:
        try:
            socket.create_connection((host, 443), timeout=SECONDS).close()
        except OSError:
            return
        answered.set()

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return answered.is_set()
