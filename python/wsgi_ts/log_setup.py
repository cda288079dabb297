"""Python's `logging` as gunicorn sets it up: the loggers `gunicorn.error` and `gunicorn.access`.

Called through entry.py on the main thread: in a worker between `prepare` and the app's import, in the
master once it has an interpreter, where --log-syslog or a log config is in use. Own handlers stay on
the two loggers unless the config gives them others. It must never write a line itself.
"""

from __future__ import annotations

import copy
import json
import logging
import logging.config
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from . import app_log, log_thread
from .app_log import ACCESS_LOGGER, ERROR_LOGGER
from .load_error import LoadError
from .syslog import SyslogHandler
from .tracebacks import as_python, own_frames, own_traceback, summarize

CONFIG_DEFAULTS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        ERROR_LOGGER: {
            "level": "INFO",
            "handlers": ["error_console"],
            "propagate": True,
            "qualname": ERROR_LOGGER,
        },
        ACCESS_LOGGER: {
            "level": "INFO",
            "handlers": ["console"],
            "propagate": True,
            "qualname": ACCESS_LOGGER,
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stdout",
        },
        "error_console": {
            "class": "logging.StreamHandler",
            "formatter": "generic",
            "stream": "ext://sys.stderr",
        },
    },
    "formatters": {
        "generic": {
            "format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s",
            "datefmt": "[%Y-%m-%d %H:%M:%S %z]",
            "class": "logging.Formatter",
        }
    },
}
"""gunicorn's. A dictionary replaces those of these keys that it has, as there."""

_EXIT_CODE = 1

_LIBRARY = os.path.dirname(os.__file__) + os.sep
"""Python's own modules."""

_SYSLOG_FORMAT = "[%(process)d] %(message)s"


class Syslog(TypedDict):
    """Where syslog is; `strict`: fail where it can't be reached."""

    family: str
    host: str
    port: int
    path: str
    facility: str
    prefix: str
    access: bool
    strict: bool


class Config(TypedDict):
    """A log config: `kind` is "dict" (`source` is JSON), "json" or "ini" (`source` is a path)."""

    kind: str
    source: str


class Options(TypedDict):
    """Options of `set_up`; `access`: whether there is an access log of our own."""

    level: str
    error_log: str
    form: str
    access: bool
    access_format: str
    syslog: Syslog | None
    config: Config | None
    statsd: str | None
    folders: Sequence[str]


class OwnAccessHandler(logging.Handler):
    """Stands on `gunicorn.access` for the access log, which Node writes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


def set_up(options: Options) -> dict[str, Any]:
    """Set up the loggers, and start the log thread where lines or metrics are to come this way.

    `folders` go first on `sys.path`: a config names classes of the app's. The answer is
    `LoadError.as_dict()`, or `"ok": True` with `error` and `access` (each `own`: whether our handler is
    on that logger; `python`: whether there are others), `level` (of the error log, by name) and
    `fd`, Node's end of the log thread's socket (None: there is none).
    """
    sys.path[:0] = [folder for folder in options["folders"] if folder not in sys.path]
    level: int = getattr(logging, options["level"].upper())
    error, access = logging.getLogger(ERROR_LOGGER), logging.getLogger(ACCESS_LOGGER)
    own = app_log.install(options["error_log"], options["form"], level)
    own_access = OwnAccessHandler()
    for handler in [each for each in access.handlers if isinstance(each, OwnAccessHandler)]:
        access.removeHandler(handler)
    access.propagate = False
    access.setLevel(logging.INFO)
    if options["access"]:
        access.addHandler(own_access)
    try:
        syslogs = _add_syslog(options["syslog"]) if options["syslog"] is not None else []
        if options["config"] is not None:
            _configure(options["config"])
    except LoadError as failure:
        return failure.as_dict()
    fd = None
    if syslogs or options["config"] is not None or options["statsd"] is not None:
        fd, thread = log_thread.start(options["access_format"], options["statsd"])
        for syslog in syslogs:
            syslog.complain = thread.complain
    return {
        "ok": True,
        "error": _route(error, own),
        "access": _route(access, own_access),
        "level": app_log.level_number(error.getEffectiveLevel()),
        "fd": fd,
    }


def install(error_log: str) -> None:
    """Put our handler on `gunicorn.error` and do no more: for an app in somebody else's Node program."""
    app_log.install(error_log, "text", logging.INFO)


def reopen_files() -> None:
    """Have every FileHandler of every logger open its file anew (SIGUSR1), as gunicorn does."""
    names = list(logging.root.manager.loggerDict)
    loggers = [logging.root, *(logging.getLogger(name) for name in names)]
    for handler in {each for logger in loggers for each in logger.handlers}:
        if not isinstance(handler, logging.FileHandler):
            continue
        handler.acquire()
        try:
            if handler.stream is not None:
                handler.stream.close()
                handler.stream = handler._open()
        finally:
            handler.release()


def _route(logger: logging.Logger, own: logging.Handler) -> dict[str, bool]:
    found = list(logger.handlers)
    ancestor = logger
    while ancestor.propagate and ancestor.parent is not None:
        ancestor = ancestor.parent
        found += ancestor.handlers
    return {"own": own in logger.handlers, "python": any(each is not own for each in found)}


def _add_syslog(options: Syslog) -> list[SyslogHandler]:
    handlers = []
    names = ("error", "access") if options["access"] else ("error",)
    for name in names:
        address = (options["host"], options["port"]) if options["family"] != "unix" else None
        handler = SyslogHandler(options["family"], address or options["path"], options["facility"])
        prefix = f"gunicorn.{options['prefix']}.{name}".replace("%", "%%")
        handler.setFormatter(logging.Formatter(f"{prefix}: {_SYSLOG_FORMAT}"))
        logging.getLogger(f"gunicorn.{name}").addHandler(handler)
        handlers.append(handler)
        try:
            handler.connect()
        except OSError as error:
            if options["strict"]:
                raise LoadError(
                    "ERR_WSGI_SYSLOG",
                    _EXIT_CODE,
                    f"--log-syslog-to: syslog can't be reached at {handler.where()}: {error}",
                    "Name an address where syslog listens, such as unix:///dev/log, or remove --log-syslog.",
                ) from None
    return handlers


def _configure(config: Config) -> None:
    kind, source = config["kind"], config["source"]
    setting = {"dict": "logconfig_dict", "json": "--log-config-json", "ini": "--log-config"}[kind]
    if kind != "dict" and not os.path.isfile(source):
        raise LoadError("ERR_WSGI_LOG_CONFIG", _EXIT_CODE, f"{setting}: there is no file {source}")
    try:
        if kind == "ini":
            _configure_from_ini(source)
        elif kind == "json":
            with open(source, encoding="utf-8") as file:
                _configure_from_dict(json.load(file))
        else:
            _configure_from_dict(_dict_of_config_file() or json.loads(source))
    except Exception as error:
        raise LoadError(
            "ERR_WSGI_LOG_CONFIG",
            _EXIT_CODE,
            f"{setting} could not be used: {_reason(error)}",
            "Python's page logging.config tells what is expected. What a config names must be importable from "
            "the app's directory.",
            _traceback(error),
        ).raised_by(as_python(error)) from None


def _configure_from_ini(path: str) -> None:
    path = os.path.abspath(path)
    places = {"__file__": path, "here": os.path.dirname(path)}
    defaults = {name: text.replace("%", "%%") for name, text in places.items()}
    logging.config.fileConfig(path, defaults=defaults, disable_existing_loggers=False)


def _configure_from_dict(given: object) -> None:
    if not isinstance(given, Mapping):
        raise TypeError("a log config is a dictionary")
    # Copied by its dictionaries: dictConfig() changes what it gets, and HUP may bring the same again.
    logging.config.dictConfig(_copied({**copy.deepcopy(CONFIG_DEFAULTS), **given}))


def _copied(value: object) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(entry) for entry in value)
    return value


def _dict_of_config_file() -> object:
    """Return `logconfig_dict` as the config file made it, classes and functions in it included."""
    module = sys.modules.get("wsgi_ts.config_file")
    namespace: Mapping[str, object] = getattr(module, "namespace", {})
    return namespace.get("logconfig_dict")


def _traceback(error: BaseException) -> str | None:
    """Return the traceback where the operator's own code raised; None: all of it is logging's."""
    cause: BaseException | None = error
    while cause is not None:
        if any(_is_theirs(frame.f_code.co_filename) for frame in own_frames(cause)):
            return own_traceback(error)
        cause = cause.__cause__ or cause.__context__
    return None


def _is_theirs(path: str) -> bool:
    return "site-packages" in path or not path.startswith((_LIBRARY, "<frozen"))


def _reason(error: BaseException) -> str:
    cause = error.__cause__
    return summarize(error) if cause is None else f"{error}: {summarize(cause)}"
