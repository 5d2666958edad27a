# SPDX-License-Identifier: Apache-2.0
"""Turn errors that are written for the user into their message and an exit code.

Set ``DEEPMARK_TRACEBACK=1`` to see where such an error came from.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

EXIT_ERROR = 1
EXIT_INTERRUPT = 130  # 128 + SIGINT, as shells report it
TRACEBACK_VARIABLE = 'DEEPMARK_TRACEBACK'
PACKAGE = __name__.split('.')[0]
FILE_ERRORS = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
)
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EROFS, getattr(errno, 'EDQUOT', errno.ENOSPC)})
"""No space left, a read-only file system, the quota used up."""


def run_tool(run: Callable[[], object]) -> int:
    """Run a tool and report an error of the user by its message alone, on stderr.

    Args:
        run: The tool's work; what it returns is not used.

    Returns:
        The exit code: 0, or 1 after an error of the user, or 130 after Ctrl-C.

    Raises:
        Exception: Whatever is not the user's error keeps its traceback.
    """
    try:
        run()
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return EXIT_INTERRUPT
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE) or not is_user_error(error):
            raise
        rank = f'[rank {os.environ["RANK"]}] ' if os.environ.get('WORLD_SIZE', '1') != '1' else ''
        print(f'{rank}error: {message_of(error)}', file=sys.stderr)
        return EXIT_ERROR
    return 0


def is_user_error(error: Exception) -> bool:
    """Tell whether the message alone serves the user.

    True for the exception classes of this package and for files that are not there or cannot be
    written, also because the disk is full.
    """
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return True
    return type(error).__module__.split('.')[0] == PACKAGE or isinstance(error, FILE_ERRORS)


def message_of(error: Exception) -> str:
    """The message as it is, with its lines (one a problem, where there are several).

    An error in a worker of the data loader comes back with the worker's traceback as its message,
    whose last line is the original one.
    """
    text = str(error).strip() or type(error).__name__
    if text.startswith('Caught ') and 'Traceback' in text:
        return text.splitlines()[-1]
    return text
