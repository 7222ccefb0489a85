/*
 * The main-context directives that take more than a slot.  What is wrong is
 * said at `nginx -t`, with the directive, the value and the way out; nothing
 * is connected to.
 */
#include "ngx_compliance_internal.h"


#define NGX_COMPLIANCE_SECRET_MAX  4096   /* bytes of a secret file */
#define NGX_COMPLIANCE_NODE_MAX    64
#define NGX_COMPLIANCE_SEEN_INTERVAL_MAX  3600000   /* ms */


static ngx_uint_t ngx_compliance_conf_is_name(ngx_str_t *text);
static char *ngx_compliance_conf_keys(ngx_conf_t *cf,
    ngx_compliance_conf_t *ccf, ngx_file_t *file);


typedef struct {
    ngx_uint_t  offset;
    ngx_int_t   min;
    ngx_int_t   max;
} ngx_compliance_conf_bounds_t;


char *
ngx_compliance_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (ccf->configured) {
        return "is duplicate";
    }

    ccf->configured = 1;

    ngx_redis_conf_init(&ccf->redis);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_redis_conf_argument(cf, &ccf->redis, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_redis_conf_finish(cf, &ccf->redis);
}


char *
ngx_compliance_conf_prefix(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    size_t      i;
    ngx_str_t  *value;

    if (ccf->prefix.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {

        /* ACL patterns are made of it: no '*', '?', '[' */

        if (!ngx_compliance_conf_is_name(&(ngx_str_t) { 1,
                                                        &value[1].data[i] })
            && value[1].data[i] != ':' && value[1].data[i] != '{'
            && value[1].data[i] != '}')
        {
            break;
        }
    }

    if (value[1].len == 0 || value[1].len > COMPLIANCE_PREFIX_MAX
        || i < value[1].len)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid prefix \"%V\" in \"compliance_prefix\": "
                           "give 1 to %d letters, digits, '.', '_', '-', "
                           "':', '{' or '}'",
                           &value[1], COMPLIANCE_PREFIX_MAX);
        return NGX_CONF_ERROR;
    }

    ccf->prefix = value[1];

    return NGX_CONF_OK;
}


char *
ngx_compliance_conf_node(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    ngx_str_t  *value;

    if (ccf->node.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > NGX_COMPLIANCE_NODE_MAX
        || !ngx_compliance_conf_is_name(&value[1]))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"compliance_node\": give "
                           "1 to %d letters, digits, '.', '_' or '-'",
                           &value[1], NGX_COMPLIANCE_NODE_MAX);
        return NGX_CONF_ERROR;
    }

    ccf->node = value[1];

    return NGX_CONF_OK;
}


ngx_int_t
ngx_compliance_conf_default_node(ngx_cycle_t *cycle, ngx_str_t *node)
{
    size_t     i;
    ngx_str_t  one;

    node->len = ngx_min(cycle->hostname.len, NGX_COMPLIANCE_NODE_MAX);

    if (node->len == 0) {
        ngx_str_set(node, "gateway");
        return NGX_OK;
    }

    node->data = ngx_pnalloc(cycle->pool, node->len);
    if (node->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < node->len; i++) {
        one.data = &cycle->hostname.data[i];
        one.len = 1;
        node->data[i] = ngx_compliance_conf_is_name(&one) ? *one.data : '_';
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_compliance_conf_is_name(ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '.' || ch == '_' || ch == '-'))
        {
            return 0;
        }
    }

    return 1;
}


char *
ngx_compliance_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (ccf->zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"compliance_zone\" has no name");
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of the zone \"%V\" in "
                           "\"compliance_zone\": give %uzk or more, such as "
                           "1m", &value[2], &value[1],
                           8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    ccf->zone_size = (size_t) size;
    ccf->zone = ngx_compliance_zone_add(cf, &value[1], ccf->zone_size);

    return ccf->zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_compliance_conf_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                            n;
    ngx_str_t                           *value;
    ngx_uint_t                          *field;
    const ngx_compliance_conf_bounds_t  *bounds;

    static const ngx_compliance_conf_bounds_t  table[] = {
        { offsetof(ngx_compliance_conf_t, audit_queue), 1, 1000000 },
        { offsetof(ngx_compliance_conf_t, audit_maxlen), 1000, 1000000000 },
        { offsetof(ngx_compliance_conf_t, seen_table), 16, 131072 },
        { offsetof(ngx_compliance_conf_t, seen_days), 1, 3650 },
        { 0, 0, 0 }
    };

    for (bounds = table; bounds->offset != cmd->offset; bounds++) {
        if (bounds->max == 0) {
            return "has no bounds";
        }
    }

    field = (ngx_uint_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < bounds->min || n > bounds->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"%V\": give one from "
                           "%i to %i", &value[1], &cmd->name, bounds->min,
                           bounds->max);
        return NGX_CONF_ERROR;
    }

    *field = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


char *
ngx_compliance_conf_interval(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    ngx_str_t   *value;
    ngx_msec_t   interval;

    if (ccf->seen_interval != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    interval = ngx_parse_time(&value[1], 0);

    if (interval == (ngx_msec_t) NGX_ERROR
        || interval > NGX_COMPLIANCE_SEEN_INTERVAL_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"%V\": give one of at "
                           "most 1h, such as 10s, or 0 to count nothing",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    ccf->seen_interval = interval;

    return NGX_CONF_OK;
}


char *
ngx_compliance_conf_secret_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_file_t   file;

    if (ccf->secret_file.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    ccf->secret_file = value[1];

    if (ngx_conf_full_name(cf->cycle, &ccf->secret_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = ccf->secret_file;
    file.log = cf->log;
    file.fd = ngx_open_file(file.name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\" of \"compliance_secret_file\"",
                           &file.name);
        return NGX_CONF_ERROR;
    }

    rv = ngx_compliance_conf_keys(cf, ccf, &file);

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &file.name);
    }

    return rv;
}


static char *
ngx_compliance_conf_keys(ngx_conf_t *cf, ngx_compliance_conf_t *ccf,
    ngx_file_t *file)
{
    u_char            buf[NGX_COMPLIANCE_SECRET_MAX];
    ssize_t           n;
    unsigned          line;
    const char       *why;
    ngx_file_info_t   fi;
    compliance_rc_t   rc;
    compliance_str_t  text;

    if (ngx_fd_info(file->fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)
        || ngx_file_size(&fi) > (off_t) sizeof(buf))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"compliance_secret_file\" is not a "
                           "file of at most %d bytes", &file->name,
                           NGX_COMPLIANCE_SECRET_MAX);
        return NGX_CONF_ERROR;
    }

    if (ngx_file_access(&fi) & ~0640) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" of \"compliance_secret_file\" is open to "
                           "others: make it 0640 or less", &file->name);
    }

    ccf->keys = ngx_pcalloc(cf->pool, sizeof(compliance_keyring_t));
    if (ccf->keys == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_read_file(file, buf, sizeof(buf), 0);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    text.data = (char *) buf;
    text.len = (size_t) n;
    line = 0;
    why = "no key";

    rc = compliance_keyring_parse(text, ccf->keys, &line, &why);

    ngx_explicit_memzero(buf, sizeof(buf));

    if (rc != COMPLIANCE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"compliance_secret_file\", line %ui: "
                           "%s; a line is \"ID HEX\", ID 0 to 255, HEX at "
                           "least %d digits",
                           &file->name, (ngx_uint_t) line, why,
                           2 * COMPLIANCE_KEY_MIN_BYTES);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_compliance_conf_portal_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    u_char     *p, *last, *host;
    ngx_str_t  *value;

    if (ccf->portal_url.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    p = value[1].data;
    last = p + value[1].len;
    host = NULL;

    if (value[1].len > 8 && ngx_strncmp(p, "https://", 8) == 0) {
        host = p + 8;

    } else if (value[1].len > 7 && ngx_strncmp(p, "http://", 7) == 0) {
        host = p + 7;
    }

    if (host == NULL || *host == '/' || *host == ':') {
        goto invalid;
    }

    /* it goes into headers, pages and mail clients' alerts as it stands */

    for (p = host; p < last; p++) {
        if (*p <= 0x20 || *p > 0x7e || ngx_strchr("?#\"'<>\\`{}|^@", *p)) {
            goto invalid;
        }
    }

    ccf->portal_url = value[1];

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid URL \"%V\" in \"compliance_portal_url\": give "
                       "an absolute one without a query, such as "
                       "https://mail.example.com/compliance/", &value[1]);

    return NGX_CONF_ERROR;
}
