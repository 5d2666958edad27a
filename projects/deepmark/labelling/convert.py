# SPDX-License-Identifier: Apache-2.0
"""What ``tools/dataset_converters/labelling.py`` does: configuration, export, import."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deepmark.atomic_write import atomic_write, refuse_existing
from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.coco_writer import write_coco
from deepmark.datasets.load_packed import load_packed
from deepmark.json_file import read_json_bytes
from deepmark.labelling.cvat_coco import read_cvat_coco
from deepmark.labelling.cvat_labels import cvat_labels
from deepmark.labelling.cvat_xml import read_cvat_xml, write_cvat_xml
from deepmark.labelling.drafts import Imported
from deepmark.labelling.label_studio_config import label_studio_config
from deepmark.labelling.label_studio_reader import read_label_studio
from deepmark.labelling.label_studio_tasks import LOCAL_FILES, write_label_studio
from deepmark.labelling.mistakes import LabellingError
from deepmark.schema import LandmarkSchema, get_schema

Tool = Literal['cvat', 'label-studio']
TOOLS: tuple[Tool, ...] = ('cvat', 'label-studio')
AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class ImportOptions:
    """How a tool's file is read.

    Attributes:
        schema: categories and landmarks; DeepFashion2's by default.
        image_folder: photos, for sizes that the file leaves out.
        predictions: Label Studio: read pre-annotations of tasks that nobody has annotated.
        layout: of the COCO file, ``'dense'`` (official) or ``'compact'`` (own landmarks only).
        overwrite: replace the file.
    """

    schema: LandmarkSchema | str | None = None
    image_folder: AnyPath | None = None
    predictions: bool = False
    layout: Literal['dense', 'compact'] = 'compact'
    overwrite: bool = False


def write_configuration(
    tool: Tool,
    out: AnyPath,
    schema: LandmarkSchema | str | None = None,
    overwrite: bool = False,
) -> None:
    """Write CVAT's labels (JSON) or Label Studio's interface (XML).

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    schema = get_schema(schema)
    if tool == 'cvat':
        text = json.dumps(cvat_labels(schema), indent=1, ensure_ascii=False) + '\n'
    else:
        text = label_studio_config(schema)
    with atomic_write(out, overwrite) as file:
        file.write(text.encode())


def export_annotations(
    tool: Tool,
    source: AnyPath,
    out: AnyPath,
    schema: LandmarkSchema | str | None = None,
    image_folder: AnyPath | None = None,
    image_url: str = LOCAL_FILES,
    overwrite: bool = False,
) -> int:
    """Write existing annotations for a tool, to be corrected there.

    Args:
        tool: whose file.
        source: a split's folder, its ``annos`` folder, or a COCO file.
        out: CVAT: XML, Label Studio: JSON.
        schema: categories and landmarks.
        image_folder: photos, where they are not found beside the source.
        image_url: Label Studio: in front of the images' names.
        overwrite: replace the file.

    Returns:
        The number of garments.

    Raises:
        DatasetError: the annotations cannot be used.
    """
    refuse_existing(out, overwrite)
    schema = get_schema(schema)
    packed = load_packed(find_source(source, schema, image_folder)).packed
    if tool == 'cvat':
        write_cvat_xml(out, packed, schema, overwrite)
    else:
        write_label_studio(out, packed, schema, image_url, overwrite)
    return packed.num_items


def import_annotations(
    tool: Tool, file: AnyPath, out: AnyPath, options: ImportOptions | None = None
) -> Imported:
    """Write what a tool exported as a COCO file that DeepFashion2Dataset reads.

    Args:
        tool: whose file.
        file: CVAT: 'CVAT for images 1.1' (.xml) or 'COCO Keypoints 1.0' (.json), or the .zip of
            either; Label Studio: JSON.
        out: the COCO file.
        options: how to read and write.

    Raises:
        LabellingError: names every element that cannot be used.
        JsonFileError: not the expected JSON.
    """
    options = options or ImportOptions()
    refuse_existing(out, options.overwrite)
    schema = get_schema(options.schema)
    imported = _read(tool, Path(file), schema, options)
    write_coco(out, imported.packed, schema, layout=options.layout, overwrite=options.overwrite)
    return imported


def _read(tool: Tool, file: Path, schema: LandmarkSchema, options: ImportOptions) -> Imported:
    folder = None if options.image_folder is None else Path(options.image_folder)
    suffix = file.suffix.lower()
    if tool == 'label-studio':
        data = read_json_bytes(file)
        return read_label_studio(data, str(file), schema, folder, options.predictions)
    if suffix == '.zip':
        return _read_archive(file, schema, folder)
    if suffix == '.xml':
        with file.open('rb') as stream:
            return read_cvat_xml(stream, str(file), schema, folder)
    return read_cvat_coco(read_json_bytes(file), str(file), schema, folder)


def _read_archive(file: Path, schema: LandmarkSchema, folder: Path | None) -> Imported:
    """The one annotation file of CVAT's download."""
    try:
        with zipfile.ZipFile(file) as archive:
            name = _annotation_file(file, archive.namelist())
            title = f'{file}: {name}'
            if name.endswith('.xml'):
                with archive.open(name) as stream:
                    return read_cvat_xml(stream, title, schema, folder)
            return read_cvat_coco(archive.read(name), title, schema, folder)
    except zipfile.BadZipFile as error:
        raise LabellingError(f'{file}: not a whole zip file ({error})') from error


def _annotation_file(file: Path, names: Sequence[str]) -> str:
    found = [name for name in names if name.endswith(('.xml', '.json'))]
    if len(found) != 1:
        raise LabellingError(
            f'{file}: {len(found)} annotation files ({", ".join(found) or "no .xml, no .json"}). '
            'Fix: unpack it, and import one file after the other'
        )
    return found[0]
