#!/bin/bash
# build.sh CHECKOUT ROOT PYTHON: the image that repo2docker would build of a checkout, made in the folder ROOT by its steps, and the tour
# run in it behind closed gates. As root; in mount namespaces of its own, so nothing of the machine changes.
set -euo pipefail
checkout=$1 root=$2 python=$3
here=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

# The base image: a Debian with Python, and what apt.txt names.
names=$(grep -v '^#' "$checkout/binder/apt.txt" | tr '\n' ,)
[ -e "$root/usr/bin/python3" ] || debootstrap --variant=minbase --include="${names}python3,python3-venv,ca-certificates" \
    bookworm "$root" "${MIRROR:-http://deb.debian.org/debian}"
# The machine's way to its package sources; no lists of packages, as in an image.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -r /etc/apt/sources.list.d "$root/etc/apt/"
cp -r /etc/apt/apt.conf.d "$root/etc/apt/"
rm -rf "$root"/var/lib/apt/lists/*
cp -r /usr/share/keyrings "$root/usr/share/"

# Wheels, so that pip in there needs nothing but a folder.
mkdir -p "$root/wheels"
"$python" -m pip download --quiet --dest "$root/wheels" --python-version 3.11 --only-binary :all: \
    hatchling editables nbclient nbformat $("$python" - "$checkout" <<'P'
import sys, tomllib
project = tomllib.load(open(sys.argv[1] + "/pyproject.toml", "rb"))["project"]
print(*(each.partition(";")[0].replace(" ", "") for each in [*project["dependencies"], *project["optional-dependencies"]["lab"]]))
P
)

# The user and the checkout.
chroot "$root" id jovyan >/dev/null 2>&1 || chroot "$root" useradd --uid 1000 --create-home --shell /bin/bash jovyan
rm -rf "$root/home/jovyan/repo"
mkdir -p "$root/home/jovyan/repo"
tar -C "$checkout" -c --exclude=./.git --exclude=./.venv --exclude=__pycache__ --exclude='./.*_cache' . | tar -x -C "$root/home/jovyan/repo"
cp "$here/tour.py" "$here/../sandbox/gate.py" "$root/home/jovyan/"
mkdir -p "$root/srv/venv"
chroot "$root" chown -R jovyan:jovyan /home/jovyan /srv/venv

# In a pod: the image as root of a mount namespace, a /proc, a small /dev, a noexec /dev/shm of 64 MiB; then an unprivileged user.
pod() {
    unshare --mount --pid --fork --propagation private --kill-child sh -ec '
        root=$1; shift
        mount --bind "$root" "$root"; cd "$root"; mkdir -p old
        mount -t tmpfs -o mode=755 none dev
        for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
        mkdir dev/pts dev/shm
        mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts; ln -s pts/ptmx dev/ptmx
        ln -s /proc/self/fd dev/fd
        mount -t tmpfs -o size=64m,noexec,mode=1777 none dev/shm
        mount -t proc none proc
        pivot_root . old; umount -l old
        exec setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs --bounding-set=-all \
            env -i HOME=/home/jovyan USER=jovyan LANG=C.UTF-8 PATH=/srv/venv/bin:/usr/local/bin:/usr/bin:/bin "$@"
    ' sh "$root" "$@"
}
steps='set -e; cd /home/jovyan/repo
[ -x /srv/venv/bin/python ] || python3 -m venv /srv/venv
pip install --quiet --no-index --find-links /wheels hatchling editables nbclient nbformat
pip install --quiet --no-index --find-links /wheels --no-build-isolation -r binder/requirements.txt
binder/postBuild'
pod bash -c "$steps"
for gate in unshare-EPERM max-user-namespaces; do
    pod /home/jovyan/repo/binder/start python /home/jovyan/gate.py "$gate" /srv/venv/bin/python /home/jovyan/tour.py "$gate" /home/jovyan/repo/notebooks/00-tour.ipynb
done
