# SPDX-License-Identifier: Apache-2.0
"""Pipelines of drawn garments for each side of a square input, in the place of DeepFashion2's.

Training, testing, and testing at two scales. Leaves choose one: `_base_.garments_pipelines.px128`.
"""

_base_ = ['deepfashion2.py']

# Milder than CenterNet's: drawn garments are varied already, and few epochs are to suffice. The
# window's centre moves by at most 12 of an image's 256 pixels.
garments_window = dict(scales=(0.85, 0.95, 1.05, 1.15), border=116)
garments_pipelines = {
    f'px{side}': dict(
        train=[
            *_base_.df2_before_warp,
            dict(type='deepmark.RandomCenterCropScale', input_size=(side, side), **garments_window),
            *_base_.df2_after_warp,
        ],
        test=[
            _base_.df2_load_image,
            dict(type='deepmark.AspectPreservingWarp', input_size=(side, side)),
            *_base_.df2_after_test_warp,
        ],
        tta=[
            _base_.df2_load_image,
            dict(
                type='deepmark.MultiScaleWarp',
                warp=dict(type='deepmark.AspectPreservingWarp', input_size=(side, side)),
                scales=(1.0, 0.75),
            ),
            *_base_.df2_after_test_warp,
        ],
    )
    for side in (96, 128)
}
