"""Duplicates of descriptors: the same file, not inherited."""

from __future__ import annotations

import os

import pytest

from wsgi_ts import descriptors


def test_a_duplicate_is_another_number_for_the_same_file_that_children_do_not_get() -> None:
    read_end, write_end = os.pipe()
    duplicate = descriptors.duplicate(write_end)
    try:
        assert duplicate != write_end
        assert os.fstat(duplicate).st_ino == os.fstat(write_end).st_ino
        assert not os.get_inheritable(duplicate)
    finally:
        for fd in (read_end, write_end, duplicate):
            os.close(fd)


def test_what_is_no_descriptor_raises() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        descriptors.duplicate(-1)
