"""What `sys.modules["__main__"].__file__` names: a script that is harmless to run twice.

A child process that multiprocessing spawns runs its parent's main script again, as `__mp_main__`.
Under gunicorn that is `bin/gunicorn`, whose body is guarded; here it is this file. It must never do
anything else.
"""

if __name__ == "__main__":
    raise SystemExit("wsgi-ts is started from Node: npx wsgi-ts app:app")
