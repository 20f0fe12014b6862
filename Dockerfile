# nginx's official image, with the module loaded and the inspector (nginx-jwt) beside it:
#
#   docker build -t nginx-auth-jwt .
#   docker build -t nginx-auth-jwt --build-arg NGINX=1.28 .    another tag of that image; one of Debian's, none of Alpine's
#
# scripts/test-image tries it out.
ARG NGINX=1.30
ARG RUST=1-slim

FROM rust:${RUST} AS rust

# The module is built in the image that will load it: for its nginx, and for no newer glibc.
FROM nginx:${NGINX} AS build
ARG NGINX_DOWNLOADS=https://nginx.org/download
RUN apt-get update && apt-get install -y --no-install-recommends \
        binutils ca-certificates curl gcc libc6-dev libclang-dev libpcre2-dev make perl zlib1g-dev
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
# nginx.org's nginx is configured --with-compat, and loads any module of its version that was configured so, too.
RUN version=$(nginx -v 2>&1 | sed 's#.*/##') && mkdir /nginx && \
    curl -fsS "$NGINX_DOWNLOADS/nginx-$version.tar.gz" | tar -xz --strip-components=1 -C /nginx && \
    cd /nginx && ./configure --with-compat
COPY . /module
RUN mkdir /made && cd /module && \
    NGINX_SOURCE_DIR=/nginx NGINX_BINARY=/usr/sbin/nginx packaging/build-module >/made/answer && \
    cp "$(sed -n 's/^nginx [^:]*: //p' /made/answer)" /made/ngx_http_auth_jwt_module.so && \
    packaging/build-inspector /made/inspector && \
    packaging/copyright --inspector packaging/tarball/COPYRIGHT.in >/made/COPYRIGHT

FROM nginx:${NGINX}
# Keys by URL come from servers whose certificates must lead to something.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /made/ngx_http_auth_jwt_module.so /usr/lib/nginx/modules/
COPY --from=build /made/inspector/nginx-jwt /usr/bin/
COPY --from=build /module/LICENSE /made/COPYRIGHT /usr/share/doc/ngx_http_auth_jwt_module/
RUN sed -i '1i load_module modules/ngx_http_auth_jwt_module.so;' /etc/nginx/nginx.conf && nginx -t
