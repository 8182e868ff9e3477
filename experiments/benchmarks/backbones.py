"""How fast the backbones are, and what they cost in memory; JSON on stdout.

    python experiments/benchmarks/backbones.py               # a minute or two on a CPU; more where there is a GPU
    python experiments/benchmarks/backbones.py --rounds 3    # quicker and noisier

Two ways of doing the same are timed in turns, so that a busy machine slows both, and each is
judged by its best round.
Random weights throughout: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, VideoMAEConfig, VideoMAEModel, VJEPA2Config, VJEPA2Model

from bgs.backbones import load_backbone
from bgs.backbones.contract import Backbone
from bgs.backbones.lora import add_lora
from bgs.backbones.vjepa21 import Vjepa21Architecture, Vjepa21Encoder
from bgs.backbones.vjepa21_checkpoint import out_layers_of, write_checkpoint
from bgs.config import LoraSettings

WIDTH, LAYERS, HEADS, SIZE, FRAMES, CLIPS = 384, 12, 6, 128, 8, 2  # a ViT-S on small clips
GPU_FRAMES, GPU_SIZE = 16, 384
DENSE_BF16_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=11, help="timed rounds of each pair (default 11)"
    )
    parser.add_argument(
        "--load", type=Path, help=argparse.SUPPRESS
    )  # the child that measures loading
    arguments = parser.parse_args()
    if arguments.load is not None:
        print(json.dumps(_measure_loading(arguments.load)))
        return
    report = {
        "machine": _describe_machine(),
        "cpu": measure_cpu(arguments.rounds),
        "gpu": measure_gpu(arguments.rounds)
        if torch.cuda.is_available()
        else "not run: no CUDA device here",
    }
    print(json.dumps(report, indent=2))


def measure_cpu(rounds: int) -> dict[str, Any]:
    """Ours against plain transformers, 2.1 against 2, bfloat16 against float32, and the memory of loading."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain_videomae, plain_vjepa2 = _write_models(folder)
        videomae = load_backbone(folder / "videomae")
        vjepa2 = load_backbone(folder / "vjepa2", num_frames=FRAMES)
        vjepa21 = load_backbone(folder / "vjepa21.pt", num_frames=FRAMES, image_size=SIZE)
        frames = torch.randint(0, 256, (CLIPS, FRAMES, 3, SIZE, SIZE), dtype=torch.uint8)
        pixels = videomae.normalise(frames)

        def run_plain_videomae() -> Tensor:
            return plain_videomae(pixel_values=pixels).last_hidden_state.mean(dim=1)

        def run_plain_vjepa2() -> Tensor:
            tokens = plain_vjepa2(pixel_values_videos=pixels, skip_predictor=True)
            return tokens.last_hidden_state.mean(dim=1)

        return {
            "setting": f"{CLIPS} clips of {FRAMES} x {SIZE} px, width {WIDTH}, {LAYERS} layers, float32, uint8 in",
            "videomae over transformers": _compare(
                lambda: videomae(frames), run_plain_videomae, rounds
            ),
            "vjepa2 over transformers": _compare(lambda: vjepa2(frames), run_plain_vjepa2, rounds),
            "vjepa2.1 over transformers' vjepa2": _compare(
                lambda: vjepa21(frames), run_plain_vjepa2, rounds
            ),
            "bfloat16 over float32, vjepa2.1": _compare_bfloat16(vjepa21, frames, rounds),
            "loading vjepa2": _run_child(folder / "vjepa2-wide"),
        }


def measure_gpu(rounds: int) -> dict[str, Any]:
    """V-JEPA 2.1 at its native size: clips a second, share of peak, peak memory."""
    name = torch.cuda.get_device_name()
    peak = next((tflops for key, tflops in DENSE_BF16_TFLOPS.items() if key in name), None)
    rows = []
    for size, clips in (("vjepa2.1-base", 8), ("vjepa2.1-large", 4)):
        for compiled in (False, True):
            rows.append(_measure_gpu_forward(size, clips, rounds, compiled=compiled, peak=peak))
        for checkpointing in (False, True):
            rows.append(
                _measure_gpu_step(size, clips, rounds, checkpointing=checkpointing, peak=peak)
            )
    return {"device": name, "dense bf16 peak, TFLOP/s": peak, "rows": rows}


def _measure_gpu_forward(
    size: str, clips: int, rounds: int, *, compiled: bool, peak: float | None
) -> dict[str, Any]:
    backbone = _open_on_gpu(size)
    run = torch.compile(backbone) if compiled else backbone
    frames = _gpu_frames(clips)

    def step() -> None:
        with torch.inference_mode(), torch.autocast("cuda", dtype=torch.bfloat16):
            run(frames)

    what = f"{size} forward" + (", compiled" if compiled else "")
    return _gpu_row(what, step, clips, rounds, _forward_flops(backbone), peak)


def _measure_gpu_step(
    size: str, clips: int, rounds: int, *, checkpointing: bool, peak: float | None
) -> dict[str, Any]:
    backbone = _open_on_gpu(size)
    add_lora(backbone, LoraSettings())
    backbone.to("cuda").train().set_gradient_checkpointing(checkpointing)
    frames = _gpu_frames(clips)

    def step() -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = backbone(frames).float().square().mean()
        loss.backward()
        backbone.zero_grad()

    what = f"{size} LoRA step" + (", checkpointing" if checkpointing else "")
    # Frozen weights need no gradient of their own: backward costs about one forward, not two.
    return _gpu_row(what, step, clips, rounds, 2 * _forward_flops(backbone), peak)


def _gpu_row(
    what: str, step: Callable[[], None], clips: int, rounds: int, flops: float, peak: float | None
) -> dict[str, Any]:
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    rate = clips / median(seconds)
    return {
        "what": what,
        "clips": clips,
        "clips_per_second": round(rate, 2),
        "share_of_peak": None if peak is None else round(rate * flops / (peak * 1e12), 3),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
    }


def _open_on_gpu(size: str) -> Backbone:
    return load_backbone(size, random_init=True, num_frames=GPU_FRAMES, image_size=GPU_SIZE).to(
        "cuda"
    )


def _gpu_frames(clips: int) -> Tensor:
    shape = (clips, GPU_FRAMES, 3, GPU_SIZE, GPU_SIZE)
    return torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda")


def _forward_flops(backbone: Backbone) -> float:
    """Multiplications and additions of one clip: the layers' matrices, and attention's two products."""
    tokens = (GPU_FRAMES // 2) * (GPU_SIZE // 16) ** 2
    matrices = sum(
        p.numel() for n, p in backbone.blocks.named_parameters() if p.ndim == 2 and "lora" not in n
    )
    attention = 2 * tokens * backbone.spec.width * len(backbone.blocks)
    return 2.0 * tokens * (matrices + attention)


def _compare(ours: Callable[[], Any], other: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Clips a second of both in their best round, and how many times faster ours is."""
    with torch.inference_mode():
        ours(), other()
        times = [(_time(ours), _time(other)) for _ in range(rounds)]
    best, best_other = (min(column) for column in zip(*times, strict=True))
    return {
        "clips_per_second": round(CLIPS / best, 2),
        "clips_per_second_other": round(CLIPS / best_other, 2),
        "ratio": round(best_other / best, 3),
    }


def _compare_bfloat16(backbone: Backbone, frames: Tensor, rounds: int) -> dict[str, float] | str:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "not run: this CPU has no bfloat16"

    def run_bfloat16() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return backbone(frames)

    return _compare(run_bfloat16, lambda: backbone(frames), rounds)


def _time(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _write_models(folder: Path) -> tuple[PreTrainedModel, PreTrainedModel]:
    """The same weights for both sides, and a wide V-JEPA 2 whose loading is measured."""
    torch.manual_seed(0)
    videomae = VideoMAEModel(
        VideoMAEConfig(
            image_size=SIZE, num_frames=FRAMES, hidden_size=WIDTH, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, intermediate_size=4 * WIDTH,
        )
    ).eval()  # fmt: skip
    sizes: dict[str, Any] = {
        "crop_size": SIZE,
        "frames_per_clip": FRAMES,
        "num_hidden_layers": LAYERS,
    }
    vjepa2 = VJEPA2Model(VJEPA2Config(hidden_size=WIDTH, num_attention_heads=HEADS, **sizes)).eval()
    videomae.save_pretrained(folder / "videomae")
    vjepa2.save_pretrained(folder / "vjepa2")
    VJEPA2Model(VJEPA2Config(hidden_size=768, num_attention_heads=12, **sizes)).save_pretrained(
        folder / "vjepa2-wide"
    )
    write_checkpoint(
        Vjepa21Encoder(
            Vjepa21Architecture(
                dim=WIDTH, depth=LAYERS, num_heads=HEADS, mlp_dim=4 * WIDTH, out_layers=out_layers_of(LAYERS)
            )
        ),
        folder / "vjepa21.pt",
    )  # fmt: skip
    return videomae, vjepa2


def _run_child(folder: Path) -> Any:
    """Loading is measured in a process of its own: a peak cannot be taken back."""
    command = [sys.executable, __file__, "--load", str(folder)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _measure_loading(folder: Path) -> dict[str, float] | str:
    peak_reset = Path("/proc/self/clear_refs")
    if not peak_reset.exists():
        return "not run: peak memory is read from /proc"
    # One small model first, so that what libraries allocate once is not counted as loading.
    load_backbone(folder.parent / "vjepa2")
    gc.collect()
    peak_reset.write_text("5", encoding="utf-8")  # the peak starts again from what is in use
    before = _status_bytes("VmRSS")
    backbone = load_backbone(folder)
    for parameter in backbone.encoder.parameters():
        parameter.sum()  # pages of a mapped file count once they are read
    growth = _status_bytes("VmHWM") - before
    encoder = sum(p.numel() * p.element_size() for p in backbone.encoder.parameters())
    return {
        "encoder_mib": round(encoder / 2**20, 1),
        "peak_growth_mib": round(growth / 2**20, 1),
        "ratio": round(growth / encoder, 3),
    }


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def _describe_machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
