"""Where does a model look, and did tuning move it? Maps, their divergence, and what they fall on.

Filed as RUN/analyses/attention.json, or OUT/attention.json; pictures lie in the folder `attention` beside it.

    divergence   mean, ci95, median, least, most over clips of 1 - r between untuned and tuned maps; beside it
                 between_clips, between_clips_tuned, mismatched (see bgs.evaluation.attention) and, where it was
                 asked for, `shuffled`: mean and ci95 for the same model tuned on judgments drawn by lot, and the
                 difference (tuned minus shuffled) with its interval
    regions      file and one row a region: area, base, tuned, difference, ci95, p, and for each of the three figures
                 what the same regions of other clips give (*_elsewhere) and how often chance does as much (p_*)
    clips        every clip, the one that changed most first: divergence and shares
    shown        the first of them, with paths of pictures relative to the folder of attention.json

A bare backbone has `tuned` and `divergence` null. The module is long because this schema stands with what fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bgs.config import DataSettings, FitConfig
from bgs.data.card_files import load_triplets_card
from bgs.data.clips import Clips, load_clips
from bgs.data.detectors import Detector
from bgs.data.regions import Regions
from bgs.errors import BackboneError, BgsError, DataError
from bgs.evaluation.attention import Divergence, compare_maps
from bgs.run.attention_maps import make_maps
from bgs.run.attention_pictures import FOLDER, write_pictures
from bgs.run.attention_regions import (
    Cover,
    check_given,
    find_regions,
    lay_over,
    moments_of,
    resolve_regions,
)
from bgs.run.attention_result import (
    Attention,
    clip_rows,
    divergence_block,
    left_out,
    places_of,
    protocol,
    regions_block,
)
from bgs.run.embed import bare, open_bank, open_model, reads_no_frames
from bgs.run.filing import analysis_folder, check_run, file_analysis
from bgs.run.folder import prepare_folder
from bgs.run.results import used_versions
from bgs.run.sources import run_config, split_name
from bgs.whole_files import written_whole

if TYPE_CHECKING:
    from bgs.backbones.attention_maps import Method
    from bgs.backbones.model import EmbeddingModel

FloatArray = NDArray[np.float64]
Part = Literal["test", "train", "all"]
KIND = "attention"


def attend(
    model: str,
    *,
    data: str | None = None,
    videos: str | None = None,
    clips: Sequence[str] = (),
    part: Part = "test",
    method: Method = "rollout",
    regions: Path | None = None,
    detector: str | None = None,
    shuffled: bool = False,
    num_shown: int = 12,
    num_bootstrap: int = 1000,
    num_permutations: int = 1000,
    decoder: str = "auto",
    triplets_dir: Path = Path("triplets"),
    videos_dir: Path = Path("videos"),
    out: Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Maps of a run before and after tuning (or of a bare backbone), what they say, and pictures of some clips."""
    label, model = split_name(model)
    config = run_config(model)
    _refuse_without_attention(model, config)
    folder = _prepare(model, config, out)
    settings = _data_settings(
        config, data=data, videos=videos, decoder=decoder,
        triplets_dir=triplets_dir, videos_dir=videos_dir,
    )  # fmt: skip
    whole = _clip_set(settings)
    chosen = whole.restrict(_choose(whole, clips, part))
    given = find_regions(whole, regions=regions, detector=detector, home=settings.videos_dir)
    check_given(given, chosen)
    found, boxes = _look(model, config, chosen, settings, given, method=method, progress=progress)
    cover = None
    if boxes is not None:
        cover = lay_over(boxes, chosen, found.bank, found.moments, grid=found.grid)
    divergence, chance = _diverge(
        found, Path(model), config if shuffled else None,
        method=method, num_bootstrap=num_bootstrap, seed=seed, progress=progress,
    )  # fmt: skip
    rows = clip_rows(found, divergence, cover)
    results = {
        "model": label,
        "base": model if config is None else f"{config.backbone.name_or_path} (untuned)",
        "tuned": None if config is None else label,
        "data": chosen.name,
        "simulated": chosen.simulated,
        "method": method,
        "part": "chosen" if clips else part,
        "n_clips": len(chosen),
        "grid": dict(zip(("times", "rows", "columns"), found.grid, strict=True)),
        "divergence": None if divergence is None else divergence_block(divergence, chance),
        "regions": regions_block(
            found, cover, num_bootstrap=num_bootstrap, num_permutations=num_permutations, seed=seed
        ),
        "clips": rows,
        "shown": [],
        "left_out": left_out(chosen, cover),
        "protocol": protocol(method, num_bootstrap, num_permutations),
        "source": {"frames": found.bank.key},
        "versions": used_versions(),
        "seed": seed,
    }
    # Pictures take their place after the file that names them: a full disk leaves both as they were.
    with written_whole(folder / FOLDER) as aside:
        results["shown"] = _show(aside, found, chosen, rows, cover, num_shown)
        _file(results, model, out)
    return results


def _refuse_without_attention(model: str, config: FitConfig | None) -> None:
    name = model if config is None else config.backbone.name_or_path
    if reads_no_frames(name):
        raise BackboneError(
            f"{name!r} has no attention maps: it reads no frames",
            remedy="name a run or backbone that reads clips (`bgs backbones`)",
        )


def _prepare(model: str, config: FitConfig | None, out: Path | None) -> Path:
    """Where the result will stand, looked at before the work."""
    if out is not None:
        prepare_folder(out)
        if (out / FOLDER).exists() and not (out / f"{KIND}.json").is_file():
            raise BgsError(
                f"folder {str(out)!r} holds {FOLDER!r}, which is not of an earlier result",
                remedy="choose another folder: pictures of maps would replace it",
            )
        return out
    if config is None:
        raise BgsError(
            f"{model!r} is no run, so there is no place for its maps yet",
            remedy="say where to write them: --out FOLDER",
        )
    return analysis_folder(check_run(Path(model)), KIND).parent


def _file(results: dict[str, Any], model: str, out: Path | None) -> None:
    if out is None:
        file_analysis(Path(model), KIND, results)
        return
    import json

    from bgs.run.folder import write_text

    text = json.dumps(results, indent=2, allow_nan=False, ensure_ascii=False)
    write_text(out / f"{KIND}.json", text + "\n")


def _data_settings(
    config: FitConfig | None, *, data: str | None, videos: str | None, decoder: str, **homes: Path
) -> DataSettings:
    """The clips named, or those that the run was trained and scored on."""
    if data is None and videos is None:
        if config is None:
            raise DataError(
                "no clips were named", remedy="add --data NAME or --videos NAME (`bgs data list`)"
            )
        return config.data.model_copy(update={"decoder": decoder})
    return DataSettings.model_validate(
        {"triplets": data or videos, "videos": videos, "decoder": decoder, **homes}
    )


def _clip_set(settings: DataSettings) -> Clips:
    name = settings.videos
    if name is None:
        card = load_triplets_card(settings.triplets, triplets_dir=settings.triplets_dir)
        name = card.clips or card.name
    return load_clips(name, videos_dir=settings.videos_dir, need_files=False)


def _choose(clips: Clips, wanted: Sequence[str], part: Part) -> tuple[str, ...]:
    """The ids to look at: those named, a part of the split, or all where there is no split."""
    if wanted:
        twice = next((clip for i, clip in enumerate(wanted) if clip in wanted[:i]), None)
        if twice is not None:
            raise DataError(f"clip {twice!r} is named twice", remedy="name each clip once")
        return tuple(wanted)
    if part == "all" or clips.split is None:
        return clips.ids
    return clips.split.test if part == "test" else clips.split.train


def _look(
    model: str,
    config: FitConfig | None,
    clips: Clips,
    settings: DataSettings,
    given: Regions | Detector | None,
    *,
    method: Method,
    progress: bool,
) -> tuple[Attention, Regions | None]:
    """Maps by the untuned model, then by the tuned one: never both in memory. A detector is asked before either."""
    opened = _open_base(model, config)
    _refuse_unseeing(opened, model)
    bank: Any = open_bank(opened.backbone, clips, settings, progress=progress)
    moments = moments_of(bank)
    boxes = resolve_regions(given, clips, moments)
    base = make_maps(opened, bank, method=method, progress=progress)
    del opened
    tuned = None
    if config is not None:
        tuned = make_maps(open_model(model), bank, method=method, progress=progress)
    return Attention(bank, base, tuned, moments), boxes


def _diverge(
    found: Attention,
    run: Path,
    config: FitConfig | None,
    *,
    method: Method,
    num_bootstrap: int,
    seed: int,
    progress: bool,
) -> tuple[Divergence | None, dict[str, Any] | None]:
    """How far tuning moved the maps and, with a `config` to tune on chance by, how far that would have."""
    if found.tuned is None:
        return None, None
    divergence = compare_maps(found.base, found.tuned, num_bootstrap=num_bootstrap, seed=seed)
    if config is None:
        return divergence, None
    from bgs.run.attention_null import compare_with_chance

    chance = compare_with_chance(
        run, config, found.base, divergence, found.bank,
        method=method, num_bootstrap=num_bootstrap, seed=seed, progress=progress,
    )  # fmt: skip
    return divergence, chance


def _open_base(model: str, config: FitConfig | None) -> EmbeddingModel:
    if config is None:
        return open_model(model)
    from bgs.run.building import open_backbone

    return bare(open_backbone(config))


def _refuse_unseeing(opened: EmbeddingModel, model: str) -> None:
    if opened.backbone.spec.frames is None:
        raise BackboneError(
            f"{model!r} has no attention maps: its backbone reads no frames",
            remedy="name a run or backbone that reads clips (`bgs backbones`)",
        )


def _show(
    folder: Path,
    found: Attention,
    clips: Clips,
    rows: list[dict[str, Any]],
    cover: Cover | None,
    num_shown: int,
) -> list[dict[str, Any]]:
    """Pictures of the first clips, and their rows with the paths of these and a caption."""
    first = rows[:num_shown]
    titles = [
        "" if row["divergence"] is None else f"divergence {row['divergence']:.3f}" for row in first
    ]
    pictures = write_pictures(
        folder,
        found.bank,
        found.named,
        order=places_of(found.bank.ids, [row["clip"] for row in first]),
        titles=titles,
        moments=found.moments,
        cover=cover,
    )
    return [
        {**row, **picture, "caption": next(iter(clips.captions.get(row["clip"], ())), None)}
        for row, picture in zip(first, pictures, strict=True)
    ]
