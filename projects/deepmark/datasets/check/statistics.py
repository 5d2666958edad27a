# SPDX-License-Identifier: Apache-2.0
"""The numbers that the paper of a data set gives: garments by category, by attributes and so on.

Source: DeepFashion2 (CVPR 2019), section 3 and table 2; its README for pairs and styles.
Legend: C categories, N garments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.datasets.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.datasets.records import ATTRIBUTES, PackedRecords
from deepmark.schema import LandmarkSchema

IntArray = npt.NDArray[np.int64]
VISIBILITY_NAMES = ('absent', 'occluded', 'visible')
"""By v: not labelled, labelled but hidden, visible."""
_SIZES_SHOWN = 5
_STEPS = 4  # bars of the histogram of box sizes between a size and its double
_PERCENTILES = (0, 5, 25, 50, 75, 95, 100)


@dataclass(frozen=True)
class Statistics:
    """Counts of a data set.

    Args:
        categories: (C,) names.
        items_per_category: (C,) garments.
        items_per_image: (M + 1,) images with 0, 1, ... M garments.
        attributes: attribute -> level -> garments; ``unknown`` where the file has none.
        landmarks: (C, 3) landmarks by category and v: absent, occluded, visible.
        box_edges: (B + 1,) limits of the box sizes, sqrt(width x height) in pixels.
        box_counts: (B,) garments between them.
        box_percentiles: percentile -> box size in pixels.
        image_sizes: (width, height) -> images.
        sources: source (shop, user) -> (images, garments).
        pairs: pair ids, styles and what goes with them, by name.
    """

    categories: tuple[str, ...]
    items_per_category: IntArray
    items_per_image: IntArray
    attributes: dict[str, dict[str, int]]
    landmarks: IntArray
    box_edges: npt.NDArray[np.float64]
    box_counts: IntArray
    box_percentiles: dict[int, float]
    image_sizes: Counter[tuple[int, int]]
    sources: dict[str, tuple[int, int]]
    pairs: dict[str, int]

    @property
    def num_images(self) -> int:
        """Images, also those without garments."""
        return int(self.items_per_image.sum())

    @property
    def num_items(self) -> int:
        """N."""
        return int(self.items_per_category.sum())

    def to_dict(self) -> dict[str, Any]:
        """For the JSON report."""
        per_category = [dict(zip(VISIBILITY_NAMES, row, strict=True))
                        for row in self.landmarks.tolist()]  # fmt: skip
        sizes = self.image_sizes.most_common(_SIZES_SHOWN)
        return {
            'images': self.num_images,
            'items': self.num_items,
            'images_without_items': int(self.items_per_image[0]),
            'items_per_category': dict(
                zip(self.categories, self.items_per_category.tolist(), strict=True)
            ),
            'items_per_image': self.items_per_image.tolist(),
            'attributes': self.attributes,
            'landmarks': dict(
                zip(VISIBILITY_NAMES, self.landmarks.sum(axis=0).tolist(), strict=True)
            ),
            'landmarks_per_category': dict(zip(self.categories, per_category, strict=True)),
            'box_size_percentiles': {str(p): size for p, size in self.box_percentiles.items()},
            'box_size_edges': self.box_edges.tolist(),
            'box_size_counts': self.box_counts.tolist(),
            'image_sizes': len(self.image_sizes),
            'commonest_image_sizes': [[*size, count] for size, count in sizes],
            'sources': {
                name: {'images': images, 'items': items}
                for name, (images, items) in self.sources.items()
            },
            'pairs': self.pairs,
        }


def statistics_of(packed: PackedRecords, schema: LandmarkSchema) -> Statistics:
    """Count everything.

    Args:
        packed: garments with finite numbers.
        schema: names of the categories.
    """
    per_image = np.diff(packed.item_offsets)
    box_sizes = _box_sizes(packed)
    percentiles = np.percentile(box_sizes, _PERCENTILES).tolist() if len(box_sizes) else []
    edges = _box_edges(box_sizes)
    return Statistics(
        categories=schema.class_names,
        items_per_category=np.bincount(packed.labels, minlength=schema.num_categories),
        items_per_image=np.bincount(per_image, minlength=1),
        attributes=_attribute_counts(packed),
        landmarks=_landmark_counts(packed, schema),
        box_edges=edges,
        box_counts=np.histogram(box_sizes, edges)[0],
        box_percentiles=dict(zip(_PERCENTILES, percentiles, strict=False)),
        image_sizes=_image_sizes(packed),
        sources=_source_counts(packed),
        pairs=_pair_counts(packed),
    )


def _box_sizes(packed: PackedRecords) -> npt.NDArray[np.float64]:
    sides = np.maximum(packed.bboxes[:, 2:] - packed.bboxes[:, :2], 0).astype(np.float64)
    return np.asarray(np.sqrt(sides.prod(axis=1)))


def _box_edges(box_sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quarter octaves around the sizes, in pixels."""
    positive = box_sizes[box_sizes > 0]
    if not len(positive):
        return np.array([1.0, 2.0])
    low, high = np.floor(_STEPS * np.log2([positive.min(), positive.max()]))
    return np.asarray(2 ** (np.arange(low, high + 2) / _STEPS))


def _attribute_counts(packed: PackedRecords) -> dict[str, dict[str, int]]:
    counts = {}
    for name, levels in ATTRIBUTE_LEVELS.items():
        values = packed.attributes[:, ATTRIBUTES.index(name)]
        by_level = {level: int(np.sum(values == n)) for n, level in enumerate(levels, 1)}
        counts[name] = {**by_level, 'unknown': packed.num_items - sum(by_level.values())}
    return counts


def _landmark_counts(packed: PackedRecords, schema: LandmarkSchema) -> IntArray:
    """(C, 3) by category and v."""
    kinds = len(VISIBILITY_NAMES)
    visibility = packed.keypoints[:, 2].astype(np.int64)
    labels = np.repeat(packed.labels, np.diff(packed.keypoint_offsets)).astype(np.int64)
    cells = np.bincount(labels * kinds + visibility, minlength=schema.num_categories * kinds)
    return cells.reshape(schema.num_categories, kinds)


def _image_sizes(packed: PackedRecords) -> Counter[tuple[int, int]]:
    sizes, counts = np.unique(packed.image_wh, axis=0, return_counts=True)
    return Counter(
        {(w, h): count for (w, h), count in zip(sizes.tolist(), counts.tolist(), strict=True)}
    )


def _source_counts(packed: PackedRecords) -> dict[str, tuple[int, int]]:
    """Images count by their first garment: the files state the source of a photo."""
    first = packed.item_offsets[:-1][np.diff(packed.item_offsets) > 0]
    total = len(packed.source_names)
    images = np.bincount(packed.sources[first], minlength=total).tolist()
    items = np.bincount(packed.sources, minlength=total).tolist()
    names = [name or 'unknown' for name in packed.source_names]
    return {n: (i, k) for n, i, k in zip(names, images, items, strict=True) if k}


def _pair_counts(packed: PackedRecords) -> dict[str, int]:
    """Pair ids, styles inside them, and pairs of a shop garment with a user garment.

    Garments with the same pair_id and the same style > 0 are the same clothing item.
    """
    style = packed.attributes[:, ATTRIBUTES.index('style')].astype(np.int64)
    paired = (packed.pair_ids > 0) & (style > 0)
    keys = np.stack([packed.pair_ids[paired], style[paired]], axis=1)
    styles, which = np.unique(keys, axis=0, return_inverse=True)
    which = which.reshape(-1)
    names = np.array(packed.source_names)[packed.sources[paired]]
    shop, user = (
        np.bincount(which[names == source], minlength=len(styles)) for source in ('shop', 'user')
    )
    return {
        'pair_ids': len(np.unique(packed.pair_ids[packed.pair_ids > 0])),
        'styles': len(styles),
        'items_with_style': int(paired.sum()),
        'shop_user_pairs': int(np.sum(shop * user)),
    }
