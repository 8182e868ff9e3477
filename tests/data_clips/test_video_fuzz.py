"""Damaged files by the hundred: an error or a clip with the frames a sequential decode finds, and nothing else."""

from __future__ import annotations

from experiments.benchmarks import fuzz_decoding


def test_five_hundred_mutated_files(studio, tmp_path):
    seeds = [studio.clip(name) for name in fuzz_decoding.KINDS]
    outcome = fuzz_decoding.fuzz(seeds, num_cases=500, seed=0, folder=tmp_path)
    assert outcome.num_cases == 500
    assert outcome.wrong_counts == []
    assert outcome.too_slow == []
    assert outcome.refused + outcome.read == 500
    assert min(outcome.refused, outcome.read) > 100  # both paths were taken
