# Sourced by packaging/build-module and packaging/build-inspector, after scripts/prelude.sh: how a release is built.
# It sets cargo's flags, so that two things are so of what cargo links:
#
# - No path of this machine gets into it, so that it has the same bytes wherever it is built.
# - The unwinder, libgcc_s, is linked statically, so that libc alone is needed.
# shellcheck shell=bash

{ has cargo && has rustc; } ||
    die "cargo or rustc not found: install Rust first (rustup, or your distribution's package)"
cargo_home=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")

# --- paths ----------------------------------------------------------------

triple=$(rustc_target)
# The name under registry/src/ is that of the registry in use, and there is none before crates have been downloaded.
(cd "$root" && cargo fetch --quiet --locked --target "$triple") ||
    die "cargo could not download the crates; without a network, run cargo fetch --locked beforehand"

# Of several that fit, rustc and cc both take the last.
from=("$root" "$target" "$(rustc --print sysroot)/lib/rustlib/src/rust" "$cargo_home")
to=(/module /target /rust /cargo)
for crates in "$cargo_home"/registry/src/*/; do
    from+=("${crates%/}")
    to+=(/crates)
done

rust_flags=() c_flags=(${CFLAGS:-})
for index in "${!from[@]}"; do
    rust_flags+=("--remap-path-prefix=${from[index]}=${to[index]}")
    c_flags+=("-ffile-prefix-map=${from[index]}=${to[index]}")
done

# --- the unwinder ---------------------------------------------------------

# rustc asks for the shared libgcc_s by name. A linker script of that name, found first, answers with the static one; for
# musl with that which rustup's target brings along, as cc's may be made for glibc.
static_unwinder=$target/static-unwinder
mkdir -p "$static_unwinder"
own_unwinder=$(rustc --print sysroot)/lib/rustlib/$triple/lib/self-contained/libunwind.a
if [[ $triple == *-musl* && -f $own_unwinder ]]; then
    echo "INPUT($own_unwinder)" >"$static_unwinder/libgcc_s.so"
else
    [[ -f $(cc -print-file-name=libgcc_eh.a) ]] || die "cc has no libgcc_eh.a, the static unwinder"
    echo 'INPUT(-lgcc_eh -lgcc)' >"$static_unwinder/libgcc_s.so"
fi
rust_flags+=(-L "native=$static_unwinder")

unset RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${rust_flags[*]}")
export CARGO_ENCODED_RUSTFLAGS CFLAGS="${c_flags[*]}"
export LC_ALL=C.UTF-8 TZ=UTC
# The library tells no date, but some crates' build scripts ask for one: cargo would compile them anew for each commit.
export SOURCE_DATE_EPOCH=0

# --- what came of it ------------------------------------------------------

# The dynamic loader is glibc's, too: the unwinder asks it where a function's tables are.
check_release() {
    local needed prefix
    needed=$(objdump -p "$1" | awk '$1 == "NEEDED" && $2 !~ /^(libc|libc\.musl-.*|ld-linux.*)\.so/ { print $2 }' | xargs)
    [[ -z $needed ]] || die "\"$1\" needs $needed, though it should need libc alone"
    for prefix in "$root" "$target" "$cargo_home" /cargo/registry; do
        if grep -qaF -- "$prefix/" "$1"; then die "\"$1\" holds paths under \"$prefix\""; fi
    done
}
