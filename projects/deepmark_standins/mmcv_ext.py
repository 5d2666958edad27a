# SPDX-License-Identifier: Apache-2.0
"""The stand-in that is imported under the name ``mmcv._ext`` when mmcv has no compiled ops.

``mmcv.utils.ext_loader.load_ext('_ext', names)`` asserts that every name exists, so unknown names
are functions that raise :class:`MissingOpError` when they are called, not when they are looked up.

Calling convention of mmcv's extension: tensors come positionally, settings by keyword, and
outputs are buffers that the caller has allocated (filled here with ``copy_`` or ``add_``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from deepmark_standins.deform_conv import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from deepmark_standins.errors import MissingOpError, missing_op_message
from deepmark_standins.focal_loss import sigmoid_focal_loss_backward, sigmoid_focal_loss_forward
from deepmark_standins.ms_deform_attn import ms_deform_attn_backward, ms_deform_attn_forward
from deepmark_standins.nms import nms, softnms
from deepmark_standins.roi_align import roi_align_backward, roi_align_forward

__all__ = [
    'deform_conv_backward_input',
    'deform_conv_backward_parameters',
    'deform_conv_forward',
    'get_compiler_version',
    'get_compiling_cuda_version',
    'modulated_deform_conv_backward',
    'modulated_deform_conv_forward',
    'ms_deform_attn_backward',
    'ms_deform_attn_forward',
    'nms',
    'roi_align_backward',
    'roi_align_forward',
    'sigmoid_focal_loss_backward',
    'sigmoid_focal_loss_forward',
    'softnms',
]


def get_compiler_version() -> str:
    """Text that mmcv's ``collect_env`` prints for the compiler."""
    return 'not compiled (stand-in of deepmark)'


def get_compiling_cuda_version() -> str:
    """Text that mmcv's ``collect_env`` prints for the CUDA compiler."""
    return 'not available'


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """Give every other op of mmcv as a function that raises when called."""
    if name.startswith('__'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def missing_op(*args: object, **kwargs: object) -> NoReturn:
        raise MissingOpError(missing_op_message(name))

    missing_op.__name__ = name
    return missing_op
