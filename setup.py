"""Builds the compiled core and engine; everything else about the package is in pyproject.toml.

``MMFAST_BUILD`` picks all flags: ``release`` (the default), ``debug``, ``trace`` (line coverage)
or ``sanitize`` (ASan and UBSan). Generated C goes under ``build/``, one folder per mode; only
``trace`` writes it beside the sources, where the coverage plugin looks for it.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import re
import sys
from pathlib import Path
from typing import ClassVar

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MODES = ("release", "debug", "trace", "sanitize")
CORE = "mmfast/_core"
MODULES = (
    "fixed", "wide", "acks", "book", "by_id", "coalesce", "encode", "leaving", "rows", "positions",
    "segment", "sign", "tuples", "_build",
)  # fmt: skip
#: Python modules that are compiled as they stand: those with a ``.pxd`` of C types beside them.
ENGINE = (
    "ids",
    *(
        ".".join(path.relative_to("mmfast").with_suffix("").parts)
        for part in ("engine", "runtime")
        for path in sorted(Path("mmfast", part).rglob("*.pxd"))
    ),
)
#: Reaches C-only functions for the tests; a release never ships it.
PROBE = "_probe"

#: These change what the code means, so they are the same in every mode.
MEANING = {"language_level": 3, "cdivision": True, "wraparound": False, "binding": True}

C_FLAGS = {
    "release": [
        "-O3",
        "-fstack-protector-strong",
        "-U_FORTIFY_SOURCE",
        "-D_FORTIFY_SOURCE=3",
    ],
    "debug": ["-Og", "-g3", "-UNDEBUG"],
    "trace": ["-O0", "-g3", "-UNDEBUG"],
    # Python's own flags carry -fwrapv, under which signed overflow is legal and goes unseen.
    "sanitize": [
        "-O1",
        "-g3",
        "-UNDEBUG",
        "-fno-omit-frame-pointer",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=undefined",
        "-fno-wrapv",
    ],
}
#: The engine waits for objects, not for loops: more optimisation only takes longer to build.
ENGINE_C_FLAGS = {**C_FLAGS, "release": [*C_FLAGS["release"][1:], "-O2", "-g0"]}
LINK_FLAGS = {"sanitize": ["-fsanitize=address,undefined"]}
LINUX_RELEASE_LINK = ["-Wl,-z,relro", "-Wl,-z,now"]
TRACE_MACROS = [
    ("CYTHON_TRACE", "1"),
    ("CYTHON_TRACE_NOGIL", "1"),
    ("CYTHON_USE_SYS_MONITORING", "0"),
]


def build_mode() -> str:
    mode = os.environ.get("MMFAST_BUILD", "release")
    if mode not in MODES:
        sys.exit(f"MMFAST_BUILD: expected one of {', '.join(MODES)}, found {mode!r}")
    return mode


def package_version() -> str:
    text = Path("mmfast/__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        sys.exit('mmfast/__init__.py: expected a line __version__ = "...", found none')
    return found.group(1)


def directives(mode: str) -> dict[str, object]:
    """For the core, which is written for C."""
    checked = mode != "release"
    return {
        **MEANING,
        "boundscheck": checked,
        "initializedcheck": checked,
        "overflowcheck": checked,
        "linetrace": mode == "trace",
    }


def engine_directives(mode: str) -> dict[str, object]:
    """For the engine, which is Python and must mean the same compiled: numbers divide as Python
    divides them, and nothing overflows, runs over or reads from None without an exception."""
    return {
        "language_level": 3,
        "binding": True,
        "annotation_typing": False,
        "overflowcheck": True,
        "nonecheck": True,
        "linetrace": mode == "trace",
    }


def extensions(mode: str) -> list[Extension]:
    names = MODULES if mode == "release" else (*MODULES, PROBE)
    link = list(LINK_FLAGS.get(mode, []))
    if mode == "release" and platform.system() == "Linux":
        link += LINUX_RELEASE_LINK
    macros = list(TRACE_MACROS) if mode == "trace" else []
    macros += [("MMFAST_BUILD", f'"{mode}"'), ("MMFAST_VERSION", f'"{package_version()}"')]
    sources = {f"mmfast._core.{name}": f"{CORE}/{name}.pyx" for name in names}
    sources |= {f"mmfast.{name}": f"mmfast/{name.replace('.', '/')}.py" for name in ENGINE}
    return [
        Extension(
            name,
            [source],
            include_dirs=[CORE],
            depends=["setup.py", "mmfast/__init__.py", *sorted(map(str, Path(CORE).glob("*.h")))],
            define_macros=macros,
            extra_compile_args=(C_FLAGS if source.endswith(".pyx") else ENGINE_C_FLAGS)[mode],
            extra_link_args=link,
        )
        for name, source in sources.items()
    ]


class BuildCore(build_ext):
    """Translates with warnings as errors, and never mixes two modes in one place."""

    user_options: ClassVar = [
        *build_ext.user_options,
        ("only=", None, "build only this module of the core (for example _probe)"),
    ]

    def initialize_options(self) -> None:
        super().initialize_options()
        self.only = None

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1
        if self.only is not None:
            wanted = f"mmfast._core.{self.only}"
            self.extensions = [ext for ext in self.extensions if ext.name == wanted]
            if not self.extensions:
                sys.exit(f"--only: {self.only!r} is no module of the {build_mode()} core")

    def build_extensions(self) -> None:
        mode = build_mode()
        self._forget_other_mode(mode)
        translated = {ext.name: ext for ext in self._translate(mode)}
        for ext in self.extensions:
            ext.sources = translated[ext.name].sources
        super().build_extensions()

    def _translate(self, mode: str) -> list[Extension]:
        """Cython to C. Performance hints escape ``warning_errors``, so they are looked for."""
        Options.warning_errors = True
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                result = [
                    *self._cythonize(mode, "mmfast._core.", directives(mode)),
                    *self._cythonize(mode, "mmfast.", engine_directives(mode)),
                ]
        finally:
            sys.stderr.write(said.getvalue())
        if "performance hint" in said.getvalue():
            # The next run must translate again, else the hint would be seen only once.
            for ext in result:
                for source in ext.sources:
                    Path(source).unlink(missing_ok=True)
            sys.exit("performance hint in the compiled core (see above): mend it, it costs time")
        return result

    def _cythonize(self, mode: str, room: str, meaning: dict[str, object]) -> list[Extension]:
        """The extensions of one room; the core's are not the engine's."""
        core = "mmfast._core."
        chosen = [
            ext
            for ext in self.extensions
            if ext.name.startswith(room) and (room == core or not ext.name.startswith(core))
        ]
        return cythonize(
            chosen,
            build_dir=None if mode == "trace" else f"build/cython-{mode}",
            compiler_directives=meaning,
            force=bool(self.force),
        )

    def _forget_other_mode(self, mode: str) -> None:
        """A library built in another mode looks up to date by its age; build it again."""
        stamp = Path("build", f"mode-{Path(self.build_lib).name}.txt")
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != mode:
            self.force = True
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(mode, encoding="utf-8")

    def copy_extensions_to_source(self) -> None:
        super().copy_extensions_to_source()
        if build_mode() == "release":
            for stale in Path(CORE).glob(f"{PROBE}.*.so"):
                stale.unlink()


setup(
    ext_modules=extensions(build_mode()),
    cmdclass={"build_ext": BuildCore},
    exclude_package_data={
        "": ["*.c"],
        "mmfast._core": ["*.h", "*.pyx"],
    },
)
