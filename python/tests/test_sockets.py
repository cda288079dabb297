"""The master's sockets: what is bound, what is refused, what is left behind."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from wsgi_ts import sockets


@pytest.fixture(autouse=True)
def _close_all():
    yield
    sockets.close()


def tcp(host: str, port: int = 0):
    return {"kind": "tcp", "host": host, "port": port}


def unix(path: object):
    return {"kind": "unix", "path": str(path)}


def connect(path: object) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def test_a_tcp_socket_listens_on_the_port_it_reports():
    opened = sockets.listen(tcp("127.0.0.1"), 16)
    assert opened["ok"]
    port = opened["address"]["port"]
    assert opened["address"] == {"kind": "tcp", "host": "127.0.0.1", "port": port}
    assert port > 0
    with socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_listener_does_not_block_and_is_closed_on_exec():
    fd = sockets.listen(tcp("127.0.0.1"), 16)["fd"]
    assert not os.get_blocking(fd)
    assert not os.get_inheritable(fd)


def test_an_ipv6_address_is_listened_on():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    opened = sockets.listen(tcp("::1"), 16)
    assert opened["address"]["host"] == "::1"
    with socket.create_connection(("::1", opened["address"]["port"])):
        pass


def test_a_name_is_bound_to_its_ipv4_address():
    assert sockets.listen(tcp("localhost"), 16)["address"]["host"] == "127.0.0.1"


def test_the_port_can_be_had_again_while_connections_of_the_last_run_linger():
    opened = sockets.listen(tcp("127.0.0.1"), 16)
    port = opened["address"]["port"]
    with socket.create_connection(("127.0.0.1", port)) as client:
        with socket.socket(fileno=os.dup(opened["fd"])) as listener:
            listener.accept()[0].close()
        assert client.recv(1) == b""
    sockets.close()
    assert sockets.listen(tcp("127.0.0.1", port), 16)["ok"]


def test_a_port_in_use_is_said_to_be():
    with socket.create_server(("127.0.0.1", 0)) as other:
        answer = sockets.listen(tcp("127.0.0.1", other.getsockname()[1]), 16)
    assert answer["ok"] is False
    assert answer["code"] == "EADDRINUSE"


def test_an_address_of_another_machine_is_refused():
    assert sockets.listen(tcp("192.0.2.1"), 16)["code"] == "EADDRNOTAVAIL"


def test_a_name_that_does_not_resolve_is_refused():
    assert sockets.listen(tcp("no-such-host.invalid"), 16)["code"] == "UNRESOLVED"


def test_a_unix_socket_is_made_with_the_mode_that_the_umask_leaves(tmp_path: Path):
    path = tmp_path / "s"
    opened = sockets.listen(unix(path), 16, 0o027)
    assert opened["address"] == unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    connect(path).close()


def test_anybody_may_connect_to_a_unix_socket_unless_a_umask_says_otherwise(tmp_path: Path):
    sockets.listen(unix(tmp_path / "s"), 16)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o777


def test_a_unix_socket_is_removed_with_its_listener(tmp_path: Path):
    sockets.listen(unix(tmp_path / "s"), 16)
    sockets.close()
    assert not (tmp_path / "s").exists()


def test_a_unix_socket_is_removed_although_the_directory_was_changed(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sockets.listen(unix("s"), 16)["address"]["path"] == "s"
    monkeypatch.chdir("/")
    sockets.close()
    assert not (tmp_path / "s").exists()


def test_the_socket_of_a_successor_is_left_alone(tmp_path: Path):
    path = tmp_path / "s"
    sockets.listen(unix(path), 16)
    path.rename(tmp_path / "old")
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(str(path))
        sockets.close()
        assert path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path: Path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
        gone.listen()
    assert sockets.listen(unix(path), 16)["ok"]
    connect(path).close()


def test_a_unix_socket_that_somebody_answers_on_is_in_use(tmp_path: Path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        assert sockets.listen(unix(path), 16)["code"] == "EADDRINUSE"
    assert path.exists()


def test_a_unix_socket_whose_queue_is_full_is_in_use(tmp_path: Path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(0)
        with connect(path):
            assert sockets.listen(unix(path), 16)["code"] == "EADDRINUSE"


def test_a_file_that_is_not_a_socket_is_refused_and_kept(tmp_path: Path):
    path = tmp_path / "precious.txt"
    path.write_text("precious")
    assert sockets.listen(unix(path), 16)["code"] == "NOT_A_SOCKET"
    assert path.read_text() == "precious"


def test_a_unix_socket_in_a_folder_that_does_not_exist_is_refused(tmp_path: Path):
    assert sockets.listen(unix(tmp_path / "none" / "s"), 16)["code"] == "ENOENT"


def test_a_path_that_is_too_long_for_a_unix_socket_is_refused(tmp_path: Path):
    answer = sockets.listen(unix(tmp_path / ("x" * 120)), 16)
    assert answer["code"] == "UNKNOWN"
    assert "too long" in answer["reason"]


def test_an_abstract_unix_socket_leaves_no_file():
    name = f"\0wsgi-ts-{os.getpid()}"
    assert sockets.listen(unix(name), 16)["address"] == unix(name)
    connect(name).close()
    sockets.close()


def test_an_inherited_listening_socket_is_adopted():
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        opened = sockets.listen({"kind": "fd", "fd": given.detach()}, 16)
    assert opened["address"]["port"] == port
    with socket.create_connection(("127.0.0.1", port)):
        pass


def test_an_inherited_socket_that_is_only_bound_is_made_to_listen():
    given = socket.socket()
    given.bind(("127.0.0.1", 0))
    opened = sockets.listen({"kind": "fd", "fd": given.detach()}, 16)
    with socket.create_connection(("127.0.0.1", opened["address"]["port"])):
        pass


def test_the_file_of_an_inherited_unix_socket_is_not_removed(tmp_path: Path):
    given = socket.socket(socket.AF_UNIX)
    given.bind(str(tmp_path / "s"))
    assert sockets.listen({"kind": "fd", "fd": given.detach()}, 16)["ok"]
    sockets.close()
    assert (tmp_path / "s").exists()


def test_a_descriptor_that_is_no_stream_socket_is_refused_and_stays_open():
    reader, writer = sockets.pipe()
    assert sockets.listen({"kind": "fd", "fd": reader}, 16)["code"] == "NOT_A_SOCKET"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        answer = sockets.listen({"kind": "fd", "fd": datagram.fileno()}, 16)
        assert answer["code"] == "NOT_A_STREAM"
        datagram.getsockname()
    os.close(reader)
    assert sockets.listen({"kind": "fd", "fd": reader}, 16)["code"] == "EBADF"
    os.close(writer)


def test_a_pipe_blocks_and_is_closed_on_exec():
    ends = sockets.pipe()
    assert all(os.get_blocking(fd) and not os.get_inheritable(fd) for fd in ends)
    os.write(ends[1], b"x")
    assert os.read(ends[0], 1) == b"x"
    for fd in ends:
        os.close(fd)


def test_a_descriptor_that_is_kept_goes_to_nobody_else():
    ends = os.pipe()
    os.set_inheritable(ends[1], True)
    sockets.keep(ends[1])
    assert not os.get_inheritable(ends[1])
    for fd in ends:
        os.close(fd)


def test_two_sockets_share_a_port_only_if_both_want_to():
    first = sockets.listen(tcp("127.0.0.1"), 16, 0, True)
    port = first["address"]["port"]
    assert sockets.listen(tcp("127.0.0.1", port), 16, 0, True)["ok"]
    assert sockets.listen(tcp("127.0.0.1", port), 16)["code"] == "EADDRINUSE"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_unix_socket_is_given_to_its_owner(tmp_path):
    path = tmp_path / "given.sock"
    assert sockets.listen(unix(path), 16, 0o027, False, [54321, 54322])["ok"]
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (54321, 54322)
    assert stat.S_IMODE(status.st_mode) == 0o750
