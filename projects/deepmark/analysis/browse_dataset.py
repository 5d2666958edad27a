# SPDX-License-Identifier: Apache-2.0
"""Look at what the network really gets: samples of a config's data set after its pipeline."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
import numpy.typing as npt
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import set_random_seed

from deepmark.analysis.network_sample import InputView, input_views
from deepmark.analysis.target_overlay import (
    TargetMaps,
    codec_of,
    dimmed,
    draw_targets,
    targets_of,
)
from deepmark.apis.preflight import require_config_file, require_data
from deepmark.atomic_write import atomic_write, refuse_existing
from deepmark.codecs import CenterKeypointCodec
from deepmark.datasets.transforms.warp_matrix import invert, transform_points
from deepmark.engine.errors import RunError
from deepmark.progress import show_progress
from deepmark.schema import Category, LandmarkSchema
from deepmark.visualization.browse_page import (
    BrowsedSample,
    GarmentLine,
    Picture,
    browse_html,
    sample_sheet,
)
from deepmark.visualization.captions import contrast, draw_caption
from deepmark.visualization.contact_sheet import write_contact_sheet
from deepmark.visualization.garment_drawing import DrawingStyle, GarmentSet, draw_garments
from deepmark.visualization.sample_garments import garments_of_records

Image = npt.NDArray[np.uint8]

PAGE = 'index.html'
SHEET_CELLS = 24
_IGNORED_COLOR = (128, 128, 128)
_LEGEND = (
    'A filled dot is a visible landmark, a ring an occluded one; landmarks that are not labelled '
    '(or that the crop cut off) are not drawn.',
    'A grey box is ignored: neither right nor wrong.',
    'Boxes are as the loss sees them, cut at the border of the input.',
)


@dataclass(frozen=True)
class BrowseOptions:
    """What to show.

    Attributes:
        config: config file.
        split: ``train``, ``val`` or ``test``: whose data loader.
        count: images.
        seed: of their choice and of the augmentation.
        start: take ``count`` images from this one on, instead of choosing.
        indices: take these images.
        repeat: show each image so many times, to see the augmentation's spread.
        original: show the photo with its annotations, and the input's frame in it, on the left.
        targets: also show the heatmaps that the loss sees.
        cell: side of a picture in pixels.
        out_dir: where to write; ``work_dirs/<config>/browse_<split>`` by default.
        cfg_options: laid over the config.
        overwrite: replace earlier files.
    """

    config: str
    split: str = 'train'
    count: int = 24
    seed: int = 0
    start: int | None = None
    indices: Sequence[int] = ()
    repeat: int = 1
    original: bool = False
    targets: TargetMaps | None = None
    cell: int = 384
    out_dir: str | None = None
    cfg_options: Mapping[str, Any] | None = None
    overwrite: bool = False


def run_browse(options: BrowseOptions) -> list[Path]:
    """Draw samples; write ``sheet_01.png`` ... and ``index.html``.

    Returns:
        The files, the page last.

    Raises:
        RunError: no such config or split, a data set without images, or an index outside it.
        FileExistsError: there are files, and ``overwrite`` is false.
    """
    cfg = _load_config(options)
    folder = Path(
        options.out_dir or Path('work_dirs', Path(options.config).stem, f'browse_{options.split}')
    )
    refuse_existing(folder / PAGE, options.overwrite)
    browser = DatasetBrowser(cfg, options)
    wanted = choose_indices(len(browser.dataset), options)
    cells = [index for index in wanted for _ in range(options.repeat)]
    shown = show_progress(enumerate(cells), 'drawing', len(cells))
    samples = [browser.sample(position, index) for position, index in shown]
    return _write(folder, samples, browser.facts(), options)


def choose_indices(length: int, options: BrowseOptions) -> list[int]:
    """Which images: those that were named, a run of them, or a random choice in rising order.

    Raises:
        RunError: an index outside the data set, or a count that is not positive.
    """
    if options.count < 1 or options.repeat < 1:
        raise RunError(f'--count {options.count} and --repeat {options.repeat} must be at least 1')
    if length == 0:
        raise RunError(f'{options.split}_dataloader.dataset: the data set is empty')
    named = list(options.indices)
    if options.start is not None:
        named = [options.start, *range(options.start + 1, options.start + options.count)]
        named = [index for index in named if index < length] or [options.start]
    for index in named:
        if not 0 <= index < length:
            raise RunError(f'image {index}: the data set has the images 0 .. {length - 1}')
    if named:
        return named
    chosen = np.random.default_rng(options.seed).permutation(length)[: options.count]
    return sorted(chosen.tolist())


class DatasetBrowser:
    """Draws samples of one data set.

    Args:
        cfg: the config.
        options: what to show.
    """

    def __init__(self, cfg: Config, options: BrowseOptions) -> None:
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        loader = cfg[f'{options.split}_dataloader']
        self.options = options
        self.dataset: Any = DATASETS.build(copy.deepcopy(loader.dataset))
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()
        self.schema = schema_of(self.dataset)
        self.codec: CenterKeypointCodec | None = codec_of(cfg) if options.targets else None

    def facts(self) -> dict[str, str]:
        """What the page says about the data set."""
        pipeline = getattr(_innermost(self.dataset), 'pipeline', None)
        names = [type(step).__name__ for step in getattr(pipeline, 'transforms', ())]
        return {
            'config': self.options.config,
            'data set': f'{type(_innermost(self.dataset)).__name__} ({self.options.split}), '
            f'{len(self.dataset)} images',
            'pipeline': ' → '.join(names) or '-',
            'seed': str(self.options.seed),
        }

    def sample(self, position: int, index: int) -> BrowsedSample:
        """Run the pipeline on an image and draw the result; the same for the same position."""
        seed = np.random.SeedSequence([self.options.seed, position]).generate_state(1)[0]
        set_random_seed(int(seed))
        packed = self.dataset[index]
        data_sample = packed['data_samples']
        record = self._record(index, data_sample)
        views = input_views(packed, record)
        pictures = [self._photo(data_sample, record, views[0])] if self.options.original else []
        for number, view in enumerate(views):
            pictures += self._input(view, number, len(views))
        return BrowsedSample(
            heading=f'#{index}  {Path(str(data_sample.get("img_path", ""))).name}',
            pictures=pictures,
            facts=_sample_facts(data_sample, views[0], len(record)),
            garments=garment_lines(views[0].garments, self.schema),
        )

    def _record(self, index: int, data_sample: Any) -> list[dict[str, Any]]:
        """The data set's own annotations of the image that was drawn; [] when it does not say."""
        if data_sample.get('instances') is not None:
            return list(data_sample.instances)
        if not hasattr(self.dataset, 'get_data_info'):
            return []
        record = self.dataset.get_data_info(index)
        if record.get('img_path') != data_sample.get('img_path'):
            return []  # mmengine drew another image, because the pipeline refused this one
        return list(record.get('instances') or [])

    def _photo(
        self, data_sample: Any, record: Sequence[Mapping[str, Any]], view: InputView
    ) -> Picture:
        photo = mmcv.imread(str(data_sample.img_path), channel_order='rgb')
        height, width = photo.shape[:2]
        picture, zoom = _resized(photo, self.options.cell)
        garments = garments_of_records(record, self.schema)
        picture = draw_garments(picture, garments.scaled(zoom), self.schema)
        if view.warp is not None:
            _draw_frame(picture, invert(view.warp), view.image.shape[:2], zoom)
        return Picture(picture, f'photo: {width} x {height}')

    def _input(self, view: InputView, number: int, count: int) -> list[Picture]:
        height, width = view.image.shape[:2]
        plain, zoom = _resized(view.image, self.options.cell)
        garments = view.garments.scaled(zoom)
        drawn = draw_garments(plain, garments, self.schema)
        _draw_ignored(drawn, (view.ignored_xyxy + 0.5) * zoom - 0.5)
        which = f' {number + 1} of {count}' if count > 1 else ''
        pictures = [Picture(drawn, f'input{which}: {width} x {height}')]
        if self.codec is not None and self.options.targets is not None:
            targets = targets_of(view.garments, self.codec, (height, width))
            boxes = GarmentSet(garments.boxes_xyxy, garments.labels)
            heat = draw_garments(dimmed(plain), boxes, self.schema)
            heat = draw_targets(heat, targets, self.codec, (height, width), self.options.targets)
            pictures.append(Picture(heat, f'targets{which}: {self.options.targets}'))
        return pictures


def schema_of(dataset: Any) -> LandmarkSchema:
    """The data set's schema; for one of another library its classes and colours, no landmarks."""
    inner = _innermost(dataset)
    schema = getattr(inner, 'schema', None)
    if isinstance(schema, LandmarkSchema):
        return schema
    names = tuple(inner.metainfo.get('classes') or ()) or ('object',)
    palette = inner.metainfo.get('palette') or _hues(len(names))
    return LandmarkSchema(
        str(inner.metainfo.get('dataset_type', 'data set')),
        [
            Category(
                name=str(name),
                category_id=label + 1,
                num_keypoints=1,
                flip_pairs=(),
                skeleton=(),
                sigmas=(1.0,),
                color=(int(color[0]), int(color[1]), int(color[2])),
                keypoint_names=('1',),
            )
            for label, (name, color) in enumerate(zip(names, palette, strict=False))
        ],
    )


def garment_lines(garments: GarmentSet, schema: LandmarkSchema) -> list[GarmentLine]:
    """Name and landmark counts of each garment."""
    lines = []
    for n, label in enumerate(np.asarray(garments.labels).tolist()):
        own: npt.NDArray[np.integer] = np.zeros(0, np.int64)
        if garments.visibility is not None:
            own = garments.visibility[n, : int(schema.num_keypoints[label])]
        absent, occluded, visible = (int((own == v).sum()) for v in (0, 1, 2))
        category = schema.categories[label]
        lines.append(GarmentLine(category.name, visible, occluded, absent, category.color))
    return lines


def _load_config(options: BrowseOptions) -> Config:
    require_config_file(options.config)
    cfg = Config.fromfile(options.config)
    cfg.merge_from_dict(dict(options.cfg_options or {}))
    key = f'{options.split}_dataloader'
    if not (cfg.get(key) or {}).get('dataset'):
        raise RunError(f'{options.config}: {key}.dataset is missing; the config has no such split')
    require_data(cfg, (key,))
    return cfg


def _write(
    folder: Path, samples: Sequence[BrowsedSample], facts: dict[str, str], options: BrowseOptions
) -> list[Path]:
    columns = max(1, 6 // max(len(sample.pictures) for sample in samples))
    files = []
    for number, start in enumerate(range(0, len(samples), SHEET_CELLS), 1):
        sheet = sample_sheet(samples[start : start + SHEET_CELLS], columns, options.cell)
        files.append(folder / f'sheet_{number:02d}.png')
        write_contact_sheet(files[-1], sheet, overwrite=options.overwrite)
    title = f'{Path(options.config).stem}: {options.split}'
    with atomic_write(folder / PAGE, options.overwrite) as file:
        file.write(browse_html(title, facts, _LEGEND, samples).encode())
    for old in sorted(folder.glob('sheet_[0-9][0-9].png')):
        if old not in files:
            old.unlink()  # of an earlier, longer run
    return [*files, folder / PAGE]


def _sample_facts(data_sample: Any, view: InputView, annotated: int) -> dict[str, str]:
    low, high = view.value_range
    facts = {
        'file': str(data_sample.get('img_path', '-')),
        'flip': str(data_sample.get('flip_direction') or '-') if data_sample.get('flip') else 'no',
        'values': f'{low:.0f} .. {high:.0f}',
    }
    if view.warp is not None:
        zoom = float(np.sqrt(abs(np.linalg.det(view.warp[:, :2]))))
        shift = ', '.join(f'{value:.1f}' for value in view.warp[:, 2])
        facts['warp'] = f'zoom {zoom:.3f}, shift {shift} pixels'
    present = len(view.garments) + len(view.ignored_xyxy)
    facts['garments'] = str(len(view.garments))
    if len(view.ignored_xyxy):
        facts['garments'] += f', {len(view.ignored_xyxy)} ignored'
    if annotated > present:
        facts['garments'] += f', {annotated - present} outside the input'
    return facts


def _resized(image: Image, cell: int) -> tuple[Image, float]:
    """The image fitted into a square, and the zoom."""
    height, width = image.shape[:2]
    zoom = cell / max(height, width)
    size_wh = max(1, round(width * zoom)), max(1, round(height * zoom))
    interpolation = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    picture: Image = cv2.resize(image, size_wh, interpolation=interpolation)
    return picture, zoom


def _draw_frame(
    picture: Image, to_original: npt.NDArray[np.float64], input_hw: tuple[int, ...], zoom: float
) -> None:
    """Outline what the input shows of the photo."""
    right, bottom = input_hw[1] - 0.5, input_hw[0] - 0.5
    corners = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])
    outline = np.round((transform_points(to_original, corners) + 0.5) * zoom - 0.5).astype(np.int32)
    for ink, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.polylines(picture, [outline], isClosed=True, color=ink, thickness=width)


def _draw_ignored(picture: Image, boxes_xyxy: npt.NDArray[np.floating]) -> None:
    style = DrawingStyle.for_image(*picture.shape[:2])
    for box in boxes_xyxy:
        x1, y1, x2, y2 = np.round(box).astype(int).tolist()
        ink = contrast(_IGNORED_COLOR)
        for color, width in ((ink, style.line + 2), (_IGNORED_COLOR, style.line)):
            cv2.rectangle(picture, (x1, y1), (x2, y2), color, width)
        draw_caption(picture, 'ignored', box[:2], _IGNORED_COLOR, style.text)


def _innermost(dataset: Any) -> Any:
    """The data set inside wrappers; the first of several that are joined."""
    while True:
        parts = getattr(dataset, 'datasets', None)
        inner = parts[0] if parts else getattr(dataset, 'dataset', None)
        if inner is None:
            return dataset
        dataset = inner


def _hues(count: int) -> list[tuple[int, int, int]]:
    """Colours that differ, for classes that have none."""
    hsv = np.array([[[180 * k // max(count, 1), 200, 230] for k in range(count)]], np.uint8)
    rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0]
    return [(int(r), int(g), int(b)) for r, g, b in rgb]
