"""Imports, before the fork, what the handler will import: the standard library and installed packages, never the user's own modules."""
import ast
import importlib
import importlib.machinery
import os
import sys

from . import system

# Loaded in quiet moments, so that a handler whose imports are not known ahead finds them there.
STANDARD = (
    "base64 calendar collections concurrent.futures concurrent.futures.thread contextlib copy csv ctypes dataclasses datetime decimal "
    "email.message email.parser email.utils encodings.idna enum functools gzip hashlib hmac html http.client http.cookies importlib "
    "importlib.util inspect io itertools json linecache locale logging math mimetypes operator os pathlib platform queue random re "
    "resource select selectors shutil signal socket ssl string struct subprocess sys tempfile textwrap threading time tokenize "
    "traceback types typing unicodedata urllib.error urllib.parse urllib.request uuid warnings weakref xml.dom.minidom "
    "xml.etree.ElementTree zipfile zlib _strptime"
).split()


class Unfit(Exception):
    """A package raised or left a thread or an open file behind: it must not be imported before a fork."""


def own_names(roots):
    """Top-level module names in the function's folders -> True when an installed distribution brought them, False when the user wrote them."""
    names = {}
    for root in roots:
        try:
            entries = os.listdir(root)
        except OSError:
            continue
        for entry in entries:
            stem = entry.partition(".")[0]
            if entry.endswith((".py", ".so", ".pyd")) or (stem.isidentifier() and os.path.isdir(os.path.join(root, entry))):
                names.setdefault(stem, False)
        for entry in entries:
            if entry.endswith((".dist-info", ".egg-info")):
                for name in _recorded(os.path.join(root, entry)):
                    if name in names:
                        names[name] = True
    return names


def _recorded(info):
    found = set()
    for file in ("RECORD", "top_level.txt"):
        try:
            with open(os.path.join(info, file), encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    path = line.split(",")[0].strip()
                    found.add(path.split("/")[0].partition(".")[0])
        except OSError:
            continue
    return found


def imports_of(file):
    """Names that a source file imports, in order: 'a', 'a.b', and 'a.b' with the names taken from it."""
    with open(file, "rb") as source:
        tree = ast.parse(source.read(), file)
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name, set())
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return found


def load_standard(name):
    try:
        importlib.import_module(name)
    except ImportError:
        pass


def load_packages(file, own, skip):
    """Imports the packages named by the handler's file that are installed ones. Raises Unfit(name)."""
    try:
        wanted = imports_of(file)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    loaded = []
    for module, names in wanted.items():
        top = module.partition(".")[0]
        if top in skip or not own.get(top, True) or not _exists(top):
            continue
        _load(top, module)
        for name in sorted(names):
            if hasattr(sys.modules.get(module), "__path__") and not hasattr(sys.modules[module], name) and _exists(name, sys.modules[module]):
                _load(top, module + "." + name)
        loaded.append(module)
    if "PIL.Image" in sys.modules:
        sys.modules["PIL.Image"].preinit()
    return loaded


def _exists(name, parent=None):
    try:
        if parent is not None:
            return importlib.machinery.PathFinder.find_spec(parent.__name__ + "." + name, parent.__path__) is not None
        return name in sys.modules or name in sys.builtin_module_names or _found(name)
    except (ImportError, ValueError, AttributeError):
        return False


def _found(name):
    # A namespace package has no loader: nobody's installed package, so it may be the user's.
    spec = importlib.machinery.PathFinder.find_spec(name)
    return spec is not None and spec.loader is not None


def _load(top, module):
    if module in sys.modules:
        return
    files = system.count("/proc/self/fd")
    try:
        importlib.import_module(module)
    except BaseException as error:
        raise Unfit(top, "%s: %s" % (type(error).__name__, error)) from None
    if system.count("/proc/self/task") > 1:
        raise Unfit(top, "it starts a thread when imported")
    if system.count("/proc/self/fd") > files:
        raise Unfit(top, "it keeps a file open when imported")


def unload_own(own, roots, bare):
    """Takes out of sys.modules the user's own modules, and whatever the function's folder has under the same name: each instance imports its own."""
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top not in own or name in bare:
            continue
        origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if not own[top] or not any(origin.startswith(root + "/") for root in roots):
            del sys.modules[name]


def module_path(code, layers, packages, extra):
    """sys.path: the code folder, its python folder, those of the layers, PYTHONPATH, the interpreter's own, the server's packages."""
    site = "lib/python%d.%d/site-packages" % sys.version_info[:2]
    own = [code, code + "/python", code + "/python/" + site]
    for layer in layers:
        own += [layer + "/python", layer + "/python/" + site, layer + "/" + site]
    own += [path for path in extra if path not in own]
    own = [path for path in own if path == code or os.path.isdir(path)]
    rest = [path for path in sys.path if path and path not in own]
    return own, own + rest + ([packages] if packages and packages not in rest else [])

