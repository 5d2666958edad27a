# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from deepmark.datasets.problems import DatasetError, Kind, Problems


def test_errors_name_file_key_and_fix() -> None:
    problems = Problems('error')
    problems.add(Kind.LANDMARK_COUNT, 'a.json', 'item1.landmarks', '36')
    with pytest.raises(DatasetError) as error:
        problems.report()
    message = str(error.value)
    assert 'a.json: item1.landmarks: wrong number of landmarks (36)' in message
    assert f'Fix: {Kind.LANDMARK_COUNT.fix}' in message


def test_many_errors_are_counted_and_only_the_first_are_shown() -> None:
    problems = Problems('error', shown=2)
    for number in range(100):
        problems.add(Kind.NOT_FINITE, f'{number}.json', 'item1.bounding_box')
    with pytest.raises(DatasetError) as error:
        problems.report()
    assert '100 problem(s)' in str(error.value)
    assert '... and 98 more' in str(error.value)
    assert '2.json' not in str(error.value)


def test_warnings_do_not_stop() -> None:
    problems = Problems('error')
    problems.add(Kind.NO_ITEM, 'a.json', 'item1')
    problems.report()
    assert problems.counts() == {Kind.NO_ITEM: 1}


def test_warn_counts_errors_in_one_line_each(logged: list[str]) -> None:
    problems = Problems('warn', shown=2)
    for number in range(3):
        problems.add(Kind.NOT_FINITE, f'{number}.json', 'item1.landmarks')
    problems.add(Kind.NO_ITEM, 'z.json')
    problems.report()
    assert len(logged) == 2
    assert logged[0].startswith('3 x NaN or infinity: 0.json: item1.landmarks, 1.json')
    assert '2.json' not in logged[0]
    assert logged[1].startswith('1 x image without any garment: z.json.')


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"on_problem is 'ignore', must be 'error' or 'warn'"):
        Problems('ignore')  # type: ignore[arg-type]
