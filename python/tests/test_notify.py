"""Datagrams to a service manager that is played here."""

from __future__ import annotations

import os
import socket

from wsgi_ts import notify


def test_a_path_and_an_abstract_name_are_reached(tmp_path):
    for address in (str(tmp_path / "notify"), f"@wsgi-ts-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address.replace("@", "\0", 1))
            assert notify.send(address, "READY=1\nSTATUS=é") == ""
            assert manager.recv(100) == "READY=1\nSTATUS=é".encode()


def test_who_is_not_there_is_a_reason_and_no_exception(tmp_path):
    assert "No such file" in notify.send(str(tmp_path / "none"), "READY=1")
    assert notify.send("/" + "x" * 200, "READY=1") != ""
    assert notify.send("/a\0b", "READY=1") != ""


def test_a_manager_that_does_not_read_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(notify, "_PATIENCE", 0.001)
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        answers = {notify.send(path, "WATCHDOG=1") for _ in range(600)}
    assert any(answers)
