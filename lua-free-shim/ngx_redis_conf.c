/*
 * The arguments of compliance_redis.  Everything that can be wrong with them
 * is found here, at `nginx -t`: host names are resolved and the password file
 * is read, but nothing is connected to.
 */
#include "ngx_redis.h"


#define NGX_REDIS_PORT          6379
#define NGX_REDIS_DB_MAX        65535
#define NGX_REDIS_PASSWORD_MAX  1024
/* rw for the owner, r for the group: more is warned of */
#define NGX_REDIS_FILE_MODE     0640


typedef struct {
    ngx_str_t   name;       /* with its '=' */
    char     *(*set)(ngx_conf_t *cf, ngx_redis_conf_t *conf, ngx_str_t *value);
} ngx_redis_conf_parameter_t;


static char *ngx_redis_conf_server(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value);
static char *ngx_redis_conf_user(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value);
static char *ngx_redis_conf_password_file(ngx_conf_t *cf,
    ngx_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_redis_conf_db(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value);
static char *ngx_redis_conf_connect_timeout(ngx_conf_t *cf,
    ngx_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_redis_conf_timeout(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value);
static char *ngx_redis_conf_msec(ngx_conf_t *cf, ngx_msec_t *msec,
    const char *name, ngx_str_t *value);
static char *ngx_redis_conf_duplicate(ngx_conf_t *cf, const char *name);
static ngx_int_t ngx_redis_conf_read_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);


static ngx_redis_conf_parameter_t  ngx_redis_conf_parameters[] = {
    { ngx_string("user="), ngx_redis_conf_user },
    { ngx_string("password_file="), ngx_redis_conf_password_file },
    { ngx_string("db="), ngx_redis_conf_db },
    { ngx_string("connect_timeout="), ngx_redis_conf_connect_timeout },
    { ngx_string("timeout="), ngx_redis_conf_timeout },
    { ngx_null_string, NULL }
};


void
ngx_redis_conf_init(ngx_redis_conf_t *conf)
{
    ngx_memzero(conf, sizeof(ngx_redis_conf_t));

    conf->db = NGX_CONF_UNSET_UINT;
    conf->connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->command_timeout = NGX_CONF_UNSET_MSEC;
}


char *
ngx_redis_conf_argument(ngx_conf_t *cf, ngx_redis_conf_t *conf, ngx_str_t *arg)
{
    ngx_redis_conf_parameter_t  *p;

    for (p = ngx_redis_conf_parameters; p->set; p++) {

        if (arg->len >= p->name.len
            && ngx_strncmp(arg->data, p->name.data, p->name.len) == 0)
        {
            arg->data += p->name.len;
            arg->len -= p->name.len;

            if (arg->len == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"%V\" of \"compliance_redis\" has no "
                                   "value", &p->name);
                return NGX_CONF_ERROR;
            }

            return p->set(cf, conf, arg);
        }
    }

    if (ngx_strlchr(arg->data, arg->data + arg->len, '=') != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of \"compliance_redis\": "
                           "there are user=, password_file=, db=, "
                           "connect_timeout= and timeout=", arg);
        return NGX_CONF_ERROR;
    }

    return ngx_redis_conf_server(cf, conf, arg);
}


char *
ngx_redis_conf_finish(ngx_conf_t *cf, ngx_redis_conf_t *conf)
{
    if (conf->naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"compliance_redis\" names no server: give "
                           "unix:/path or host:port");
        return NGX_CONF_ERROR;
    }

    if (conf->user.len && conf->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"compliance_redis\" has user=%V and no "
                           "password_file=", &conf->user);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_uint_value(conf->db, 0);
    ngx_conf_init_msec_value(conf->connect_timeout, NGX_REDIS_CONNECT_TIMEOUT);
    ngx_conf_init_msec_value(conf->command_timeout, NGX_REDIS_COMMAND_TIMEOUT);

    conf->max_reply = NGX_REDIS_MAX_REPLY;
    conf->max_pending = NGX_REDIS_MAX_PENDING;

    return NGX_CONF_OK;
}


static char *
ngx_redis_conf_server(ngx_conf_t *cf, ngx_redis_conf_t *conf, ngx_str_t *value)
{
    ngx_url_t  u;

    if (conf->naddrs) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"compliance_redis\" names a second server \"%V\" "
                           "beside \"%V\"", value, &conf->name);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *value;
    u.default_port = NGX_REDIS_PORT;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V\" of \"compliance_redis\": give "
                           "unix:/path or host:port",
                           u.err ? u.err : "something is wrong", value);
        return NGX_CONF_ERROR;
    }

    conf->name = *value;
    conf->addrs = u.addrs;
    conf->naddrs = u.naddrs;

    return NGX_CONF_OK;
}


static char *
ngx_redis_conf_user(ngx_conf_t *cf, ngx_redis_conf_t *conf, ngx_str_t *value)
{
    if (conf->user.len) {
        return ngx_redis_conf_duplicate(cf, "user=");
    }

    conf->user = *value;

    return NGX_CONF_OK;
}


static char *
ngx_redis_conf_password_file(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value)
{
    size_t     len;
    ngx_str_t  path, text;

    if (conf->password.len) {
        return ngx_redis_conf_duplicate(cf, "password_file=");
    }

    path = *value;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK
        || ngx_redis_conf_read_file(cf, &path, &text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* the first line is the password */

    for (len = 0; len < text.len; len++) {
        if (text.data[len] == '\n' || text.data[len] == '\r') {
            break;
        }
    }

    text.len = len;

    if (text.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the password file \"%V\" of \"compliance_redis\" "
                           "is empty", &path);
        return NGX_CONF_ERROR;
    }

    conf->password = text;

    return NGX_CONF_OK;
}


static char *
ngx_redis_conf_db(ngx_conf_t *cf, ngx_redis_conf_t *conf, ngx_str_t *value)
{
    ngx_int_t  n;

    if (conf->db != NGX_CONF_UNSET_UINT) {
        return ngx_redis_conf_duplicate(cf, "db=");
    }

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > NGX_REDIS_DB_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid db=%V of \"compliance_redis\": give a "
                           "number from 0 to %d", value, NGX_REDIS_DB_MAX);
        return NGX_CONF_ERROR;
    }

    conf->db = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_redis_conf_connect_timeout(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_redis_conf_msec(cf, &conf->connect_timeout, "connect_timeout=",
                               value);
}


static char *
ngx_redis_conf_timeout(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_redis_conf_msec(cf, &conf->command_timeout, "timeout=", value);
}


static char *
ngx_redis_conf_msec(ngx_conf_t *cf, ngx_msec_t *msec, const char *name,
    ngx_str_t *value)
{
    ngx_int_t  n;

    if (*msec != NGX_CONF_UNSET_MSEC) {
        return ngx_redis_conf_duplicate(cf, name);
    }

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n < 1 || n > NGX_REDIS_TIMEOUT_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s%V of \"compliance_redis\": give a time "
                           "from 1ms to %dms", name, value,
                           NGX_REDIS_TIMEOUT_MAX);
        return NGX_CONF_ERROR;
    }

    *msec = (ngx_msec_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_redis_conf_duplicate(ngx_conf_t *cf, const char *name)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s\" of \"compliance_redis\" is given twice", name);

    return NGX_CONF_ERROR;
}


/* The whole of a small file into the pool; warns where others may read it. */

static ngx_int_t
ngx_redis_conf_read_file(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_int_t        rc;
    ngx_file_t       file;
    ngx_file_info_t  fi;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *path;
    file.log = cf->log;

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the password file \"%V\" of "
                           "\"compliance_redis\"", path);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_fd_info(file.fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the password file \"%V\" of \"compliance_redis\" "
                           "is not a file", path);
        goto done;
    }

    if (ngx_file_access(&fi) & ~NGX_REDIS_FILE_MODE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the password file \"%V\" of \"compliance_redis\" "
                           "is open to others: make it 0640 or less", path);
    }

    size = (size_t) ngx_file_size(&fi);

    if (size > NGX_REDIS_PASSWORD_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the password file \"%V\" of \"compliance_redis\" "
                           "has more than %d bytes", path,
                           NGX_REDIS_PASSWORD_MAX);
        goto done;
    }

    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        goto done;
    }

    n = ngx_read_file(&file, text->data, size, 0);

    if (n == NGX_ERROR) {
        goto done;
    }

    text->len = (size_t) n;
    rc = NGX_OK;

done:

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}
