# SPDX-License-Identifier: Apache-2.0
"""The families of configs: one folder, one ``metafile.yml``, one collection of the model index."""

from __future__ import annotations

from typing import Any, NamedTuple

from deepmark.version import __version__


class Family(NamedTuple):
    """A folder of leaves.

    Attributes:
        folder: Below configs/; empty for the leaves at the top.
        name: Of the collection.
        architecture: What its networks are made of.
        paper: Title, and the URL where it is known.
        readme: Page about it.
        code: File of its main part.
    """

    folder: str
    name: str
    architecture: tuple[str, ...]
    paper: tuple[str, str | None]
    readme: str
    code: str

    @property
    def facts(self) -> dict[str, Any]:
        """The collection's entry but for its name."""
        title, url = self.paper
        return {
            'Metadata': {'Architecture': list(self.architecture)},
            'Paper': {'Title': title, **({'URL': url} if url else {})},
            'README': self.readme,
            'Code': {'URL': self.code, 'Version': f'v{__version__}'},
        }


DEEPMARK_PAPER = ('DeepMark: One-Shot Clothing Detection', 'https://arxiv.org/abs/1910.01225')
DETECTOR = 'projects/deepmark/models/detectors/deepmark.py'
FAMILIES = (
    Family(
        folder='',
        name='DeepMark',
        architecture=('Hourglass-104', 'DLA-34', 'ResNet-50', 'CenterNetKeypointHead'),
        paper=DEEPMARK_PAPER,
        readme='docs/family.md',
        code=DETECTOR,
    ),
    Family(
        folder='dafe',
        name='DAFE',
        architecture=('ResNet-50', 'HRNet-W32', 'DAFENeck'),
        # Only the abstract was at hand.
        paper=('Improving Fashion Landmark Detection by Dual Attention Feature Enhancement', None),
        readme='docs/dafe.md',
        code='projects/deepmark/models/necks/dafe.py',
    ),
    Family(
        folder='baselines',
        name='Baselines on DeepFashion2',
        architecture=("mmdet's detectors", "mmpose's estimators"),
        paper=(
            'DeepFashion2: A Versatile Benchmark for Detection, Pose Estimation, Segmentation '
            'and Re-Identification of Clothing Images',
            'https://arxiv.org/abs/1901.07973',
        ),
        readme='docs/model_index.md',
        code='projects/deepmark/datasets/deepfashion2.py',
    ),
    Family(
        folder='ablations',
        name='Ablations of DeepMark',
        architecture=('CenterNetKeypointHead',),
        paper=DEEPMARK_PAPER,
        readme='docs/model_index.md',
        code=DETECTOR,
    ),
)
