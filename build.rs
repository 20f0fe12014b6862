//! Tells the nginx shell, as cfgs, which nginx it is compiled against.
//!
//! - `nginx_1_23`: nginx is at least of that version, 1.23.0;
//! - `ngx_feature = "http_v3"`, …: what nginx was configured with.
//!
//! Both come from `nginx-sys`, which reads nginx's headers. Then `src/nginx/ffi/bits.c` is compiled with the headers that
//! `nginx-sys` tells. Without the feature `nginx` nothing is done.

use std::env;

/// The oldest nginx the shell is written for: 1.22.0.
const OLDEST: u32 = 1_022_000;

/// Where the shell may have to differ, newest last.
const VERSIONS: &[(u32, &str)] = &[(1_023_000, "nginx_1_23")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for (_, name) in VERSIONS {
        println!("cargo::rustc-check-cfg=cfg({name})");
    }
    if env::var_os("CARGO_FEATURE_NGINX").is_none() {
        return;
    }
    if let Err(reason) = describe_nginx().and_then(|()| compile_bits()) {
        println!("cargo::error={reason}");
    }
}

#[cfg(feature = "nginx")]
fn compile_bits() -> Result<(), String> {
    const SOURCE: &str = "src/nginx/ffi/bits.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    let mut build = cc::Build::new();
    build.file(SOURCE).includes(env::split_paths(&from_nginx_sys("INCLUDE")?));
    // What nginx's own compiler is told; nginx-sys prints it as "metadata", of which it is a part.
    let flags = from_nginx_sys("METADATA")?;
    for define in flags.strip_prefix("cflags=").unwrap_or(&flags).split_ascii_whitespace() {
        build.flag(define);
    }
    build
        .try_compile("auth_jwt_bits")
        .map_err(|error| format!("{SOURCE} cannot be compiled: {error}"))
}

#[cfg(not(feature = "nginx"))]
fn compile_bits() -> Result<(), String> {
    Ok(())
}

fn describe_nginx() -> Result<(), String> {
    let number = from_nginx_sys("VERSION_NUMBER")?;
    let version: u32 = number
        .parse()
        .map_err(|_| format!("nginx-sys tells a version number that is none: \"{number}\""))?;
    if version < OLDEST {
        let name = from_nginx_sys("VERSION").unwrap_or(number);
        return Err(format!("nginx 1.22.0 or newer is needed, these headers are of {name}"));
    }
    for (since, name) in VERSIONS {
        if version >= *since {
            println!("cargo::rustc-cfg={name}");
        }
    }

    let known = from_nginx_sys("FEATURES_CHECK")?;
    println!("cargo::rustc-check-cfg=cfg(ngx_feature, values({known}))");
    for feature in from_nginx_sys("FEATURES")?.split(',').filter(|feature| !feature.is_empty()) {
        println!("cargo::rustc-cfg=ngx_feature=\"{feature}\"");
    }
    Ok(())
}

fn from_nginx_sys(name: &str) -> Result<String, String> {
    let variable = format!("DEP_NGINX_{name}");
    env::var(&variable).map_err(|_| format!("nginx-sys did not set {variable}"))
}
