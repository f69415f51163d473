#!/usr/bin/env bash
# Runs the tests of the compiled core under AddressSanitizer and UndefinedBehaviorSanitizer.
#
# The whole package is built into a folder of its own, so the build in place stays as it is.
# Python itself is not instrumented: libasan is preloaded, and PYTHONMALLOC=malloc hands every
# allocation to it, since Python's own pools would hide small overruns. Leaks are not looked for,
# because the interpreter leaks on purpose at its end.
#
#   PYTHON=.venv/bin/python tests/sanitize.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON="${PYTHON:-python3}"
FOLDER="$PWD/build/sanitize"

MMFAST_BUILD=sanitize "$PYTHON" setup.py -q build --build-lib "$FOLDER"

export LD_PRELOAD
LD_PRELOAD="$(${CC:-gcc} -print-file-name=libasan.so)"
export PYTHONMALLOC=malloc
export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:strict_string_checks=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export PYTHONPATH="$FOLDER"

# -P keeps the working folder, with its unsanitized core, off the import path.
"$PYTHON" -P -c '
import sys
import mmfast._core as core
sys.exit(0 if core.BUILD == "sanitize" else f"expected the sanitize build, found {core.BUILD}")
'

tests=(tests/unit/_core tests/property/test_core_properties.py tests/property/test_core_stateful.py
    tests/property/test_core_rows.py tests/property/test_core_acks.py
    tests/fuzz --fuzz-count 20000)
# A wheel of its own is built and looked through there; nothing of that runs instrumented code.
tests+=(--ignore tests/unit/_core/test_core_wheel.py)
if compgen -G "$FOLDER/mmfast/engine/*.so" >/dev/null; then
    tests+=(tests/unit/engine tests/property/test_kernel_machine.py
        tests/property/test_orders_lattice.py)
fi

# Captured at the file descriptor, the report of a sanitizer would die with the process.
exec "$PYTHON" -P -m pytest -q -p no:cacheprovider --capture=sys --timeout 600 "${tests[@]}" "$@"
