/*
 * Bits of a request, where the C compiler has them: see bits.rs.
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
