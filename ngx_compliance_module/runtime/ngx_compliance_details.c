/*
 * What the portal shows people of a device: one HMGET, nothing judged by it.
 */
#include "ngx_compliance_internal.h"


static void ngx_compliance_details_handler(ngx_redis_batch_t *batch);


static ngx_redis_template_t  ngx_compliance_details_command;


ngx_int_t
ngx_compliance_details_start(void)
{
    return ngx_compliance_store_hmget(&ngx_compliance_details_command,
                                      compliance_detail_fields,
                                      COMPLIANCE_DETAIL_FIELDS);
}


ngx_int_t
ngx_compliance_details(ngx_compliance_details_t *details)
{
    char                 key[COMPLIANCE_KEY_TEXT_MAX];
    ngx_redis_command_t  command;

    details->presence = COMPLIANCE_PRESENCE_UNKNOWN;
    details->waiting = 0;
    ngx_memzero(&details->fields, sizeof(details->fields));
    ngx_memzero(&details->batch, sizeof(details->batch));

    command.template = &ngx_compliance_details_command;
    command.arg = key;
    command.len = compliance_key_device(key, sizeof(key),
                                        ngx_compliance_worker.prefix,
                                        &details->device);

    if (command.len == 0 || ngx_compliance_worker.redis == NULL) {
        return NGX_ERROR;
    }

    details->batch.handler = ngx_compliance_details_handler;
    details->batch.data = details;

    if (ngx_redis_send(ngx_compliance_worker.redis, &details->batch, &command,
                       1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    details->waiting = 1;

    return NGX_AGAIN;
}


static void
ngx_compliance_details_handler(ngx_redis_batch_t *batch)
{
    size_t                     i;
    compliance_value_t         values[COMPLIANCE_DETAIL_FIELDS];
    ngx_compliance_details_t  *details;

    details = batch->data;
    details->waiting = 0;

    if (batch->status == NGX_REDIS_OK
        && ngx_compliance_store_values(batch->replies[0], values,
                                       COMPLIANCE_DETAIL_FIELDS,
                                       "a device's details")
           == NGX_OK)
    {
        compliance_details_read(values, &details->fields);
        details->presence = COMPLIANCE_MISSING;

        for (i = 0; i < COMPLIANCE_DETAIL_FIELDS; i++) {
            if (values[i].data != NULL) {
                details->presence = COMPLIANCE_PRESENT;
            }
        }
    }

    details->handler(details);
}


void
ngx_compliance_details_cancel(ngx_compliance_details_t *details)
{
    if (details->waiting) {
        details->waiting = 0;
        ngx_redis_cancel(&details->batch);
    }
}
