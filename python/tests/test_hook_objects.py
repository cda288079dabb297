"""What hooks find on server, worker and cfg, and what is said of what they don't."""

import os
import socket

import pytest

from wsgi_ts.hook_log import Log
from wsgi_ts.hook_objects import Config, Listener, Server, Worker

FACTS = {
    "kind": "file",
    "location": "conf.py",
    "directory": ".",
    "app": "shop:app",
    "age": 1,
    "addresses": [["127.0.0.1", 8000], "/run/shop.sock", 3],
    "settings": {
        "workers": 3,
        "threads": 1,
        "timeout": 30,
        "bind": ["127.0.0.1:8000"],
        "raw_env": ["A=1", "B=x=y"],
        "certfile": None,
        "keyfile": None,
        "pidfile": "/run/shop.pid",
        "proxy_protocol": "off",
        "errorlog": "-",
        "loglevel": "info",
    },
}


def facts(**settings):
    return {**FACTS, "settings": {**FACTS["settings"], **settings}}


def server(in_worker=False, **settings):
    return Server(Config(facts(**settings)), Log(), os.getpid(), in_worker=in_worker)


def test_cfg_has_every_setting_and_what_gunicorn_derives_from_them():
    def hook(server):
        pass

    cfg = Config(FACTS, {"on_exit": hook})
    assert (cfg.workers, cfg.bind, cfg.pidfile) == (3, ["127.0.0.1:8000"], "/run/shop.pid")
    assert cfg.settings["workers"].get() == cfg.settings["workers"].value == 3
    assert cfg.address == [("127.0.0.1", 8000), "/run/shop.sock", 3]
    assert cfg.env == {"A": "1", "B": "x=y"}
    assert (cfg.is_ssl, Config(facts(certfile="x")).is_ssl) == (False, True)
    assert (cfg.worker_class_str, Config(facts(threads=2)).worker_class_str) == ("sync", "gthread")
    assert (cfg.proc_name, Config(facts(proc_name="shop")).proc_name) == ("shop:app", "shop")
    assert (cfg.preload_app, Config(facts(preload_app=True)).preload_app) == (False, True)
    assert cfg.on_exit is hook
    assert getattr(cfg, "nothing", 5) == 5


def test_cfg_says_what_is_wrong_with_a_question_or_a_change():
    cfg = Config(FACTS)
    with pytest.raises(AttributeError, match="wsgi-ts has no setting `worker_clas`"):
        cfg.worker_clas  # noqa: B018
    with pytest.raises(AttributeError, match=r"`cfg\.workers` can't be changed by a hook"):
        cfg.workers = 5
    with pytest.raises(AttributeError, match="can't be changed"):
        cfg.set("workers", 5)


def test_the_server_of_the_master():
    master = server()
    assert (master.pid, master.num_workers, master.timeout) == (os.getpid(), 3, 30)
    assert (master.WORKERS, master.LISTENERS) == ({}, [])
    assert master.pidfile.fname == "/run/shop.pid"
    assert server(pidfile=None).pidfile is None
    assert master.address == master.cfg.address
    master.monitor = "kept"
    assert master.monitor == "kept"
    master.kill_worker(2**22 - 1, 0)  # nobody
    assert master.app.callable is None
    with pytest.raises(RuntimeError, match="the app is not loaded here"):
        master.app.wsgi()


@pytest.mark.parametrize(
    ("in_worker", "name", "words"),
    [
        (False, "halt", "send it a signal"),
        (False, "spawn_worker", "Node does that here"),
        (False, "worker_class", r"cfg\.worker_class_str"),
        (True, "WORKERS", "only the master knows"),
        (True, "LISTENERS", r"worker\.sockets"),
        (False, "nonsense", r"docs/hooks\.md"),
    ],
)
def test_what_a_server_has_not_says_why(in_worker, name, words):
    with pytest.raises(AttributeError, match=rf"wsgi-ts has no `server\.{name}`: .*{words}"):
        getattr(server(in_worker), name)
    assert not hasattr(server(in_worker), name)


def test_a_worker_as_the_master_knows_it():
    worker = Worker(7, server())
    assert (worker.age, worker.pid, str(worker)) == (7, "[booting]", "<Worker [booting]>")
    assert (worker.ppid, worker.timeout, worker.nr) == (os.getpid(), 15, 0)
    assert (worker.alive, worker.booted, worker.aborted) == (True, False, False)
    assert worker.max_requests > 10**9
    assert Worker(1, server(max_requests=100)).max_requests == 100
    worker.tmp.notify()
    worker.notify()
    assert worker.tmp.last_update() <= worker.tmp.last_update()
    for name in ("wsgi", "sockets", "exitcode", "PIPE"):
        with pytest.raises(AttributeError, match=rf"wsgi-ts has no `worker\.{name}`"):
            getattr(worker, name)


def test_alive_sends_term_to_the_worker_itself_once(monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, int(number))))
    worker = Worker(1, server())
    worker.alive = False  # in the master: of no effect
    assert (worker.alive, sent) == (False, [])
    worker = Worker(1, server())
    worker.pid = os.getpid()
    worker.alive = True
    worker.alive = False
    worker.alive = False
    assert sent == [(os.getpid(), 15)]
    worker = Worker(1, server())
    worker.pid = os.getpid()
    worker.stopping()
    assert (worker.alive, len(sent)) == (False, 1)


def test_a_listener_tells_where_it_listens_and_can_not_be_closed():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        listener = Listener(sock.fileno(), "http://127.0.0.1:1")
        assert str(listener) == "http://127.0.0.1:1"
        assert listener.fileno() == sock.fileno()
        assert listener.getsockname() == sock.getsockname()
        with pytest.raises(AttributeError, match="the sockets are the server's"):
            listener.close()
