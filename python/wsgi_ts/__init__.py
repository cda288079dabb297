"""The Python half of wsgi-ts: it runs inside Node's process, in the app's own interpreter.

Imported by src/bridge/interpreter.ts from its file, not by a search of `sys.path`: an app's module
called `boot` or `channel`, or even `wsgi_ts`, neither hides it nor is hidden. It must never need a
third-party package, and importing it must be quick: the app's own environment pays for every module
it pulls in.
"""
