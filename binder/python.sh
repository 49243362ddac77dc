# shellcheck shell=sh
# Read by the scripts beside it.

# find_python COMMAND...: the first command that is Python 3.11 or later; $PYTHON goes before all.
find_python() {
    for name in ${PYTHON:+"$PYTHON"} "$@" python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "nsmagic needs Python 3.11 or later (Debian 12, Ubuntu 24.04 and newer have it)" >&2
    return 1
}
