"""The doctor tells apart what is necessary and what is not, and waits for nobody."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from bgs.run import doctor, machine
from bgs.run.simulation import simulate_into


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    return {"triplets_dir": tmp_path / "triplets", "videos_dir": tmp_path / "videos"}


def by_name(findings: list[machine.Finding]) -> dict[str, machine.Finding]:
    return {finding.name: finding for finding in findings}


def test_this_machine_can_run_the_tests(homes):
    started = time.monotonic()
    findings = by_name(doctor.examine(**homes))
    assert time.monotonic() - started < 30  # under 10 s on a machine that does nothing else
    assert [finding.name for finding in findings.values() if finding.status == "broken"] == []
    assert findings["av"].status == "ok"
    assert findings["social250 clips"].status == "note"
    assert all(finding.remedy for finding in findings.values() if finding.status != "ok")
    assert {finding.section for finding in findings.values()} == {
        "python", "decoders", "device", "caches", "data", "hub", "optional",
    }  # fmt: skip


def test_data_that_is_here_is_found(homes):
    simulate_into(*homes.values(), seed=0, quick=True, progress=False)
    found = by_name(doctor.check_data(**homes))
    assert (found["demo judgments"].status, found["demo judgments"].value) == ("ok", "here (simulated)")  # fmt: skip
    assert (found["demo clips"].status, found["demo clips"].value) == ("ok", "here (simulated): 90 clips")  # fmt: skip
    for clip in sorted((homes["videos_dir"] / "demo").glob("*.mp4"))[:50]:
        clip.unlink()
    found = by_name(doctor.check_data(**homes))
    assert found["demo clips"].status == "note"
    assert found["demo clips"].value == "40 of 90 clips are here (simulated)"
    assert "bgs data fetch social250" in found["social250 judgments"].remedy


def test_data_sets_of_fusion_are_one_line_and_the_last(homes):
    found = doctor.check_data(**homes)
    assert [finding.name for finding in found if "affectnet" in str(finding)] == [found[-1].name]
    assert found[-1].value == "not here: affectnet, gazefollow, hagrid, lam, pisc"
    (homes["videos_dir"] / "lam").mkdir(parents=True)
    (homes["videos_dir"] / "lam" / "a").touch()
    last = doctor.check_data(**homes)[-1]
    assert last.value == "here: lam; not here: affectnet, gazefollow, hagrid, pisc"


def test_a_broken_card_is_named_not_raised(homes):
    homes["triplets_dir"].mkdir()
    (homes["triplets_dir"] / "mine.yaml").write_text("name: other\n")
    (found,) = doctor.check_data(**homes)
    assert found.status == "note"
    assert "mine.yaml" in found.value


@pytest.mark.parametrize(("package", "status"), [("av", "broken"), ("decord", "note")])
def test_only_pyav_is_necessary(package, status, tmp_path, monkeypatch):
    """A package that is there but raises on import, as one does whose libraries are missing."""
    (tmp_path / "crooked.py").write_text("raise OSError('libavcodec.so.99: not found')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    found = doctor.check_decoder(package, "crooked", "decodes clips", "install it again")
    assert found.status == status
    assert found.value == "does not import: OSError: libavcodec.so.99: not found"
    assert found.remedy == "install it again"


def test_a_decoder_that_kills_the_process_does_not_kill_the_doctor(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert doctor.import_elsewhere("deadly") == "the process ended with status -6"


def test_an_import_that_hangs_is_left(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "IMPORT_SECONDS", 0.5)
    assert doctor.import_elsewhere("slow") == "the import took more than 0 seconds"


def test_absent_and_old_packages_are_broken(monkeypatch):
    needs = ["nowhere-to-be-found>=1", "numpy>=99", "pytest>=1; extra == 'dev'", "scipy>=1"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: needs)
    summary, absent, old = doctor.check_requirements()
    assert (summary.status, summary.value.split(" (")[0]) == ("broken", "1 of 3 required packages")
    assert (absent.name, absent.value) == ("nowhere-to-be-found", "not installed")
    assert absent.remedy == 'pip install "nowhere-to-be-found>=1"'
    assert (old.name, old.value.split(",")[1]) == ("numpy", " bgs needs >=99")


@pytest.mark.parametrize(
    ("can", "value"),
    [
        (("amx_bf16",), "in hardware: amx_bf16"),
        (("bf16",), "in hardware: bf16"),
        ((), "not in hardware"),
    ],
)
def test_bf16_is_what_the_hardware_has(can, value, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(can, True))
    found = machine.check_bf16()
    assert found.value == value
    assert found.status == ("ok" if can else "note")


def test_an_older_torch_that_cannot_say_is_no_error(monkeypatch):
    import torch

    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not machine.cpu_can("amx_bf16")


def test_a_gpu_is_named_with_its_memory(monkeypatch):
    """The branch that a machine without a GPU never takes, with torch's answers in place of a card."""
    import torch

    card = SimpleNamespace(name="H200", total_memory=139 * 2**30)
    answers = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "get_device_properties": lambda index: card,
        "is_bf16_supported": lambda including_emulation: not including_emulation,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    gpu, bf16, _ = machine.check_devices()
    assert (gpu.name, gpu.status, gpu.value) == ("cuda:0", "ok", "H200, 139.0 GiB")
    assert (bf16.status, bf16.value) == ("ok", "in hardware: cuda")


def test_more_threads_than_cores_are_noted(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    found = machine.check_threads()
    assert found.status == "note"
    assert found.remedy.startswith("set OMP_NUM_THREADS=2:")


def test_caches_say_where_and_how_much(tmp_path, monkeypatch):
    monkeypatch.setenv("BGS_CACHE", str(tmp_path / "cache"))
    clips, weights = machine.check_caches()
    assert (clips.status, clips.name, weights.name) == ("ok", "clip cache", "weights cache")
    assert clips.value.startswith(f"{tmp_path / 'cache'}: nothing yet, ")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "entry").write_bytes(bytes(3 * 2**20))
    assert "cache: 3 MiB, " in next(iter(machine.check_caches())).value


def test_a_full_disk_and_a_foreign_cache_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("BGS_CACHE", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    full, _ = machine.check_caches()
    assert (full.status, full.remedy) == ("note", "free some space, or set BGS_CACHE to a larger disk")  # fmt: skip
    monkeypatch.setattr(os, "access", lambda *_: False)
    foreign, weights = machine.check_caches()
    assert (foreign.status, weights.status) == ("broken", "note")
    assert foreign.remedy == "set BGS_CACHE to a folder you may write to"


def test_a_cache_that_cannot_hold_a_clip_is_broken(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BGS_CACHE", str(tmp_path / "file" / "cache"))
    found, _ = machine.check_caches()
    assert found.status == "broken"
    assert found.remedy == "set BGS_CACHE to a folder you may write to"
    monkeypatch.setenv("BGS_CACHE", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    full, _ = machine.check_caches()
    assert (full.status, full.remedy) == ("broken", "free some space, or set BGS_CACHE to a larger disk")  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a /proc, which takes no folders")
def test_permission_bits_are_not_believed(monkeypatch):
    monkeypatch.setenv("BGS_CACHE", "/proc/nope")
    found, _ = machine.check_caches()
    assert (found.status, found.value) == ("broken", "/proc/nope: nothing yet, 0 B free, not writable")  # fmt: skip
    assert found.remedy == "set BGS_CACHE to a folder you may write to"


def test_offline_switches_are_believed(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = machine.check_hub()
    assert (found.status, found.value) == ("note", "offline, because HF_HUB_OFFLINE is set")


def test_a_proxy_is_not_bypassed(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert machine.check_hub().value.endswith("by way of a proxy, not tried")


def test_answers_within_patience(monkeypatch):
    monkeypatch.setattr(machine, "PATIENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        assert machine.answers(lambda: socket.create_connection(address).close())

    def refused():
        raise OSError(errno.ECONNREFUSED, "refused")

    assert not machine.answers(refused)
    started = time.monotonic()
    assert not machine.answers(lambda: time.sleep(5))
    assert time.monotonic() - started < 2


def test_a_torch_that_does_not_import_is_reported(homes):
    """In a process of its own: torch cannot be taken out of this one. Everything else is still looked at."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from bgs.run.doctor import examine\n"
        f"found = examine(triplets_dir=Path({str(homes['triplets_dir'])!r}), videos_dir=Path('videos'))\n"
        "print(*[one.name for one in found if one.status == 'broken'], found[-1].name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["torch", "tensorboard"]
