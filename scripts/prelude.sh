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

# What an nginx that is compiled here is configured with: what the crate nginx-src chooses by itself, and more.
readonly nginx_more_flags="--with-debug --with-pcre-jit --with-http_v3_module --with-http_auth_request_module \
--with-http_addition_module --with-http_sub_module --with-http_slice_module --with-http_gunzip_module \
--with-http_gzip_static_module --with-http_dav_module --with-http_random_index_module \
--with-http_secure_link_module --with-http_stub_status_module"
# shellcheck disable=SC2034
readonly nginx_flags="--with-compat --with-http_realip_module --with-http_ssl_module --with-http_v2_module --with-stream \
--with-stream_realip_module --with-stream_ssl_module --with-threads $nginx_more_flags"

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

# For musl rustc links libc statically where it is not told otherwise, and then makes no shared library.
link_musl_dynamically() {
    [[ $(rustc_target) == *-musl* ]] || return 0
    if [[ -n ${CARGO_ENCODED_RUSTFLAGS:-} ]]; then
        export CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Ctarget-feature=-crt-static'
    else
        export RUSTFLAGS="${RUSTFLAGS:-} -Ctarget-feature=-crt-static"
    fi
}

# Builds the module that does nothing but the cryptography (bench/bare), and prints where it lies.
build_bare() {
    local variables
    variables=$("$root/scripts/build" --env) || return 1
    (
        eval "$variables"
        cd "$root/bench/bare" && CARGO_TARGET_DIR=$target cargo build --quiet --release --locked
    ) && echo "$target/release/libngx_http_bare_cryptography_module.so"
}
