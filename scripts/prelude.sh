# Sourced by the other scripts, never run: where things lie, and how they speak.
# shellcheck shell=bash

# An administrator's programs (nginx, ldconfig) are not in everybody's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# cargo installs here, and makes the directory when it does.
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
export PATH

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${CARGO_TARGET_DIR:-$root/target}"
target=$(cd "${CARGO_TARGET_DIR:-$root/target}" && pwd)
# shellcheck disable=SC2034  # used by those that source this
readonly root target

# One line of progress. On stderr, so that stdout holds results alone.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The comment at the head of the script is its help.
show_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; }

# Runs a command as root: directly, or through sudo.
as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif has sudo; then
        sudo -- "$@"
    else
        die "this needs root, and there is no sudo: $*"
    fi
}

# libclang reads nginx's headers for bindgen. libclang-cpp, which other packages bring along, is something else.
has_libclang() {
    [[ -n ${LIBCLANG_PATH:-} ]] && return 0
    local directory
    for directory in /usr/lib/llvm-*/lib /usr/lib /usr/lib64 /usr/lib/*-linux-gnu* /usr/local/lib; do
        compgen -G "$directory/libclang.so*" >/dev/null || compgen -G "$directory/libclang-[0-9]*.so*" >/dev/null &&
            return 0
    done
    return 1
}

# What cargo builds for: the machine's own, unless CARGO_BUILD_TARGET says otherwise.
rustc_target() { echo "${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}"; }

# Builds the module that does nothing but the cryptography (bench/bare), and prints where it lies.
build_bare() {
    local variables
    variables=$("$root/scripts/build" --env) || return 1
    (
        eval "$variables"
        cd "$root/bench/bare" && CARGO_TARGET_DIR=$target cargo build --quiet --release --locked
    ) && echo "$target/release/libngx_http_bare_cryptography_module.so"
}
