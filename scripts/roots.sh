# Sourced, after prelude.sh, by scripts that try things out in fresh roots of Debian releases. They need root,
# debootstrap and unshare; the mirror is that of this machine's apt. Roots are kept under target/roots; delete them to
# begin afresh.
# shellcheck shell=bash

# shellcheck disable=SC2154  # target: prelude.sh's
readonly roots=$target/roots
readonly cargo_home=${CARGO_HOME:-$HOME/.cargo}

check_for_roots() {
    [[ $EUID -eq 0 ]] || die "this needs root: it makes roots and enters them"
    has debootstrap || die "there is no debootstrap: apt-get install debootstrap"
    has unshare || die "there is no unshare: apt-get install util-linux"
    has ip || die "there is no ip: apt-get install iproute2"
    has apt-get || die "there is no apt-get to learn a mirror from"
    mkdir -p "$roots"
}

# Where this machine's apt finds suite $1, such as bookworm or bookworm-security.
mirror_of() {
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$1" '$1 == release && $2 == "main" { print $3; exit }'
}

# Runs a command in root $1, in namespaces of its own. With $2 "offline" it has no network but loopback. What the
# variable "beside" holds is run before, outside of the root, but in its namespaces: a server for it, say.
in_root() {
    local directory=$1 network=$2 options=(--mount --pid --fork --ipc --uts)
    shift 2
    [[ $network == online ]] || options+=(--net)
    # shellcheck disable=SC2016  # expanded inside
    unshare "${options[@]}" --kill-child -- bash -euc '
        directory=$1 cargo_home=$2 rust=$3 network=$4 beside=$5
        shift 5
        [[ $network == online ]] || ip link set lo up
        mount -t proc proc "$directory/proc"
        mount --bind /dev "$directory/dev"
        if [[ -d $directory/rust ]]; then
            mount --bind -o ro "$rust" "$directory/rust"
            mount --bind -o ro "$cargo_home/registry" "$directory/cargo/registry"
        fi
        [[ -z $beside ]] || bash -euc "$beside"
        exec chroot "$directory" /usr/bin/env -i "$@"
    ' - "$directory" "$cargo_home" "$(rustc --print sysroot)" "$network" "${beside:-}" \
        HOME=/root TERM=dumb LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# A root of suite $1 with the packages $3... in directory $2; one that is there already is kept.
make_root() {
    local suite=$1 directory=$2 here main security
    shift 2
    [[ ! -e $directory.made || $(cat "$directory.made") != "$*" ]] || return 0
    here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    main=$(mirror_of "$here")
    security=$(mirror_of "$here-security")
    [[ -n $main ]] || die "this machine's apt names no mirror of $here"

    if [[ ! -e $roots/$suite.made ]]; then
        say "debootstrap of $suite"
        rm -rf "${roots:?}/$suite"
        debootstrap --variant=minbase "$suite" "$roots/$suite" "$main" >"$roots/$suite.log" 2>&1 ||
            die "debootstrap failed; see $roots/$suite.log"
        {
            echo "deb $main $suite main"
            if [[ $suite != sid ]]; then
                echo "deb $main $suite-updates main"
                [[ -z $security ]] || echo "deb $security $suite-security main"
            fi
        } >"$roots/$suite/etc/apt/sources.list"
        touch "$roots/$suite.made"
    fi
    say "installing in $directory: $*"
    rm -rf "$directory"
    cp -a "$roots/$suite" "$directory"
    cp -L /etc/resolv.conf "$directory/etc/resolv.conf"
    # Nothing is started for being installed: here the network is the machine's.
    printf '#!/bin/sh\nexit 101\n' >"$directory/usr/sbin/policy-rc.d"
    chmod 755 "$directory/usr/sbin/policy-rc.d"
    in_root "$directory" online sh -c \
        'apt-get -q update && apt-get -qy dist-upgrade && apt-get -qy install --no-install-recommends "$@"' - "$@" \
        >"$directory.log" 2>&1 || die "apt-get failed; see $directory.log"
    rm "$directory/usr/sbin/policy-rc.d"
    echo "$*" >"$directory.made"
}
