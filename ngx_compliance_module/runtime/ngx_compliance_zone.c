/*
 * The shared zone: its layout and its life.  It survives a reload; a layout of
 * another version is refused, for old workers would still write it.
 */
#include "ngx_compliance_internal.h"

#include <openssl/rand.h>


/* To be changed with every change of ngx_compliance_zone_t. */
#define NGX_COMPLIANCE_LAYOUT  0x434f4d02

/* The part of the zone that counters take; the rest is kept for records. */
#define NGX_COMPLIANCE_COUNTERS_SHARE  8


static ngx_int_t ngx_compliance_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);


ngx_shm_zone_t *
ngx_compliance_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_shm_zone_t  *shm_zone;

    shm_zone = ngx_shared_memory_add(cf, name, size, &ngx_compliance_module);
    if (shm_zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_compliance_zone_init;

    return shm_zone;
}


ngx_compliance_zone_t *
ngx_compliance_zone(void)
{
    ngx_compliance_conf_t  *ccf;

    ccf = ngx_compliance_worker.conf;

    if (ccf == NULL || ccf->zone == NULL) {
        return NULL;
    }

    return ccf->zone->data;
}


static ngx_int_t
ngx_compliance_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                  n;
    ngx_slab_pool_t        *shpool;
    ngx_compliance_zone_t  *zone;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone = (data != NULL) ? data
                          : (shm_zone->shm.exists ? shpool->data : NULL);

    if (zone != NULL) {

        if (zone->layout != NGX_COMPLIANCE_LAYOUT) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "the zone \"%V\" was made by another version of the "
                          "module: change its size or restart nginx",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        shm_zone->data = zone;

        return NGX_OK;
    }

    n = 1;

    while (n * 2 * sizeof(uint64_t)
           <= shm_zone->shm.size / NGX_COMPLIANCE_COUNTERS_SHARE)
    {
        n *= 2;
    }

    zone = ngx_slab_calloc(shpool, sizeof(ngx_compliance_zone_t)
                                   + (n - 1) * sizeof(uint64_t));
    if (zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "the zone \"%V\" is too small", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    if (RAND_bytes(zone->key, sizeof(zone->key)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "no random bytes for the zone \"%V\"",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    zone->nslots = (uint32_t) n;
    zone->layout = NGX_COMPLIANCE_LAYOUT;

    shpool->data = zone;
    shm_zone->data = zone;

    return NGX_OK;
}
