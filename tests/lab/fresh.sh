#!/bin/sh
# Runs make targets on a fresh Debian 12: a minimal system by debootstrap in DIR, a clean clone of
# this repository's HEAD in it, and nothing else. Shows that the install steps are complete.
#
#   tests/lab/fresh.sh DIR [TARGET...]       (default: demo)
#
# The minimal system is kept in DIR/base and copied to DIR/root for every run, so that each begins
# fresh. Brings along how this machine reaches its package sources: apt's sources, keys and proxies,
# npm's configuration, added CA certificates. Needs root, debootstrap and some 5 GB. Loopback is
# shared with this machine; processes and mounts are not, and end with the run.
set -eu

die() { echo "fresh: $*" >&2; exit 1; }

[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || die "must run as root: it makes device nodes and namespaces"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

repository=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- demo
release=${RELEASE:-bookworm}
mirror=${MIRROR:-$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)}
[ -n "$mirror" ] || die "no Debian mirror in this machine's apt sources: name one with MIRROR="
base=$dir/base
root=$dir/root

if [ ! -e "$base/.complete" ]; then
    echo "fresh: debootstrap $release from $mirror"
    rm -rf "$base"
    debootstrap --variant=minbase --include=ca-certificates,make,git "$release" "$base" "$mirror" \
        > "$dir/debootstrap.log" 2>&1 || { tail -n 20 "$dir/debootstrap.log" >&2; exit 1; }
    : > "$base/.complete"
fi

rm -rf "$root"
cp -a "$base" "$root"
rm -f "$root/etc/apt/sources.list"      # this machine's sources, and no other

for path in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/auth.conf.d \
            /etc/apt/keyrings /etc/apt/trusted.gpg.d /usr/share/keyrings \
            /usr/local/share/ca-certificates /etc/npmrc /root/.npmrc /etc/resolv.conf /etc/hosts; do
    [ -e "$path" ] || continue
    rm -rf "${root:?}$path"
    mkdir -p "$root$(dirname "$path")"
    cp -aL "$path" "$root$path"
done
# Hooks of apt call programs that the minimal system has not.
rm -f "$root"/etc/apt/apt.conf.d/20packagekit "$root"/etc/apt/apt.conf.d/50appstream
chroot "$root" update-ca-certificates > /dev/null 2>&1 || die "update-ca-certificates failed"

git clone -q --no-hardlinks "$repository" "$root/src/gateway"
# The copy belongs to root in there, whoever owns it here.
chown -R 0:0 "$root/src"
echo "fresh: $(git -C "$repository" log -1 --format='%h %s')"

passed=
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || passed="$passed $name=$value"
done

# shellcheck disable=SC2016  # expanded by the inner shell
script='
root=$1; passed=$2; shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/run"
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" $passed make -C /src/gateway "$@"
'
status=0
unshare --mount --pid --fork --kill-child sh -euc "$script" sh "$root" "$passed" "$@" </dev/null \
    || status=$?
echo "fresh: make $* ended with $status"
exit "$status"
