/*
 * Bits of a request and what stands behind them, where the C compiler has them: see bits.rs.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


ngx_uint_t
auth_jwt_is_done(const ngx_http_request_t *request)
{
    return request->done;
}


void
auth_jwt_need_in_memory(ngx_http_request_t *request)
{
    request->main_filter_need_in_memory = 1;
}


/* Empty where the client has named no host. It stands behind the bits, so Rust may have it elsewhere. */
void
auth_jwt_authority(const ngx_http_request_t *request, ngx_str_t *authority)
{
    authority->len = request->host_end ? (size_t) (request->host_end - request->host_start) : 0;
    authority->data = request->host_start;
}
