# Read in by the scripts beside it: is all there, and how long did it take?
"$FLOOR" check "$1" >/dev/null || {
    echo "the lab is not complete" >&2
    exit 1
}
echo "{\"build\": $((${ended/./} - ${began/./}))e-6}"
