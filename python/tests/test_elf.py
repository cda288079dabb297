"""What compiled files ask for, read from real ones and from damaged ones."""

import _ctypes
import random
import struct
import sys
from pathlib import Path

import pytest

from wsgi_ts import elf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ELF is Linux's")


def test_an_extension_module_names_its_libraries():
    needed, _ = elf.read_needed(_ctypes.__file__)
    assert any(name.startswith("libffi.so") for name in needed)
    assert any(name.startswith("libc.") for name in needed)


def test_folders_are_told_with_the_origin_filled_in(tmp_path):
    file = tmp_path / "made_up.so"
    strings = b"\0liba.so\0$ORIGIN/../x.libs:/opt/lib\0${ORIGIN}\0"
    entries = [(1, 1), (29, 9), (15, strings.index(b"${")), (5, 0x1000), (0, 0)]
    table = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    at = 64 + 2 * 56
    head = b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<Q", 64) + bytes(14)
    head += struct.pack("<HH", 56, 2) + bytes(6)
    dynamic = struct.pack("<IIQQQQQQ", 2, 0, at, 0, 0, len(table), 0, 0)
    loaded = struct.pack("<IIQQQQQQ", 1, 0, at + len(table), 0x1000, 0, len(strings), 0, 0)
    file.write_bytes(head + dynamic + loaded + table + strings)
    needed, folders = elf.read_needed(str(file))
    assert needed == ["liba.so"]
    assert folders == [f"{tmp_path}/../x.libs", "/opt/lib", str(tmp_path)]


def test_a_damaged_file_asks_for_nothing_and_raises_nothing(tmp_path):
    whole = Path(_ctypes.__file__).read_bytes()
    damaged = tmp_path / "damaged.so"
    chance = random.Random(1)  # noqa: S311
    for _ in range(300):
        content = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(chance.randrange(8)):
            if content:
                content[chance.randrange(min(len(content), 4096))] = chance.randrange(256)
        damaged.write_bytes(bytes(content))
        needed, folders = elf.read_needed(str(damaged))
        assert isinstance(needed, list)
        assert isinstance(folders, list)


@pytest.mark.parametrize("content", [b"", b"no ELF at all", b"\x7fELF\x01\x01" + bytes(100)])
def test_what_is_no_elf_of_64_bits_asks_for_nothing(tmp_path, content):
    file = tmp_path / "file.so"
    file.write_bytes(content)
    assert elf.read_needed(str(file)) == ([], [])
    assert elf.read_needed(str(tmp_path / "none")) == ([], [])
