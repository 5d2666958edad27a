# SPDX-License-Identifier: Apache-2.0
"""Results with invented numbers, for tests only."""

from __future__ import annotations

from deepmark.comparison.results import (
    Budget,
    CurvePoint,
    Machine,
    Model,
    Results,
    Run,
    Timing,
)

MACHINE = Machine('Invented CPU', 2, None, '3.11.4', {'torch': '2.14.1', 'mmdet': '3.5.1'})


def finished_run(seed: int, box: float, landmark: float, visible: float) -> Run:
    return Run(
        seed=seed,
        status='finished',
        work_dir=f'a/seed{seed}',
        train_minutes=4.0 + seed,
        images_seen=8000 + 100 * seed,
        figures={
            'bbox_AP': box,
            'keypoints_AP': landmark,
            'keypoints_visible_AP': visible,
            'bbox_AP_scale_small': box / 2,
            'keypoints_AP_occlusion_heavy': -1.0,
        },
        per_category={'bbox_AP': {'shorts': box, 'skirt': 0.125}, 'keypoints_AP': {'shorts': 0.25}},
        curve=[
            CurvePoint(4000, 2.0, {'bbox_AP': box / 2, 'keypoints_AP': landmark / 2}),
            CurvePoint(8000, 4.0, {'bbox_AP': box, 'keypoints_AP': landmark}),
        ],
        losses=[CurvePoint(800, 0.4, {'loss': 9.5}), CurvePoint(1600, 0.8, {'loss': 7.25})],
    )


def boxes_run() -> Run:
    run = finished_run(0, 0.5, 0.0, 0.0)
    run.figures = {'bbox_AP': 0.5}
    run.per_category = {'bbox_AP': {'shorts': 0.5}}
    run.curve = [CurvePoint(8000, 4.0, {'bbox_AP': 0.5})]
    return run


def given_boxes_run() -> Run:
    run = finished_run(0, 1.0, 0.75, 0.875)
    run.per_category.pop('bbox_AP')
    return run


def invented_models() -> list[Model]:
    one_shot = Model(
        'ours', 'configs/ours.py', 'Our model.', 'one-shot',
        runs=[finished_run(0, 0.25, 0.125, 0.2), finished_run(1, 0.5, 0.375, 0.4)],
        parameters=4_012_345, flops=1_800_000_000, peak_memory_mib=1234.5,
        timing=Timing(25.04, 24.0, 30.0, 5, 20, (128, 128)),
    )  # fmt: skip
    boxes = Model(
        'boxes', 'configs/boxes.py', 'A | detector.', 'boxes', runs=[boxes_run()],
        parameters=41_000_000, notes=['FLOPs: an operation\nis unknown.'],
        timing=Timing(80.0, 80.0, 80.0, 1, 20, (128, 128)),
    )  # fmt: skip
    top_down = Model(
        'topdown', 'configs/topdown.py', '', 'top-down', true_boxes=True, runs=[given_boxes_run()]
    )
    error = 'RuntimeError: `x` | y\n  at line 3'
    broken = Model(
        'broken', 'configs/broken.py', kind='one-shot',
        runs=[Run(0, 'failed', error=error), Run(1, 'interrupted'), Run(2)],
    )  # fmt: skip
    return [one_shot, boxes, top_down, broken, Model('waiting', 'configs/waiting.py')]


def invented_results(models: list[Model] | None = None) -> Results:
    return Results(
        command='python tools/compare.py configs/ours.py --seeds 2',
        commit='0123abc+',
        machine=MACHINE,
        data={'name': 'garments', 'train': {'count': 2000, 'seed': 0}},
        budget=Budget(minutes=4),
        models=invented_models() if models is None else models,
    )
