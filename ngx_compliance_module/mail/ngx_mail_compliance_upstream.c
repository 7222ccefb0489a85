/*
 * The way to the back end of an allowed login: compliance_upstream, or the
 * site's own auth_http.  Exactly one of them holds for a gated server; the
 * one given nearer to it wins over one that is inherited.
 *
 * nginx's auth_http is mandatory and its own check would run before ours, with
 * a message that knows no way out.  So as soon as compliance is mentioned, the
 * mail{} level is given an auth_http address that leads nowhere (a real one,
 * given before or after, takes its place), and a server that is left with it
 * is refused here.  It is set through the directive's own handler; all that is
 * known of that module's configuration is that the address comes first in it,
 * which is checked when it is set.
 */
#include "ngx_mail_compliance_module.h"


#define NGX_MAIL_COMPLIANCE_NOWHERE  "unix:/dev/null/compliance_upstream"


static ngx_command_t *ngx_mail_compliance_command(ngx_module_t *module,
    const char *name);
static ngx_addr_t **ngx_mail_compliance_auth_addr(ngx_conf_t *cf,
    ngx_uint_t main);
static char *ngx_mail_compliance_upstream_choose(ngx_conf_t *cf,
    ngx_mail_compliance_srv_conf_t *prev, ngx_mail_compliance_srv_conf_t *conf,
    ngx_uint_t auth_here, ngx_uint_t auth_main);
static char *ngx_mail_compliance_pass_errors(ngx_conf_t *cf);
static void ngx_mail_compliance_proxy_read(ngx_event_t *rev);


extern ngx_module_t  ngx_mail_module;
extern ngx_module_t  ngx_mail_proxy_module;


char *
ngx_mail_compliance_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mail_compliance_srv_conf_t *mscf = conf;

    ngx_str_t  *value;
    ngx_url_t   u;

    if (mscf->upstream) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = value[1];
    u.default_port = 143;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in compliance_upstream \"%V\"",
                           u.err ? u.err : "no address", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (u.naddrs > 1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "compliance_upstream \"%V\" has %ui addresses, "
                           "only the first, %V, is used",
                           &value[1], u.naddrs, &u.addrs[0].name);
    }

    mscf->upstream = &u.addrs[0];

    return ngx_mail_compliance_stand_in(cf);
}


char *
ngx_mail_compliance_stand_in(ngx_conf_t *cf)
{
    char                             *rv;
    ngx_str_t                         value[2];
    ngx_addr_t                      **addr;
    ngx_array_t                       args, *saved;
    ngx_command_t                    *cmd;
    ngx_mail_compliance_main_conf_t  *mcf;

    addr = ngx_mail_compliance_auth_addr(cf, 1);

    if (*addr) {
        return NGX_CONF_OK;
    }

    cmd = ngx_mail_compliance_command(&ngx_mail_auth_http_module, "auth_http");
    if (cmd == NULL) {
        return "found no \"auth_http\" in this nginx";
    }

    ngx_str_set(&value[0], "auth_http");
    ngx_str_set(&value[1], NGX_MAIL_COMPLIANCE_NOWHERE);

    ngx_memzero(&args, sizeof(ngx_array_t));
    args.elts = value;
    args.nelts = 2;

    saved = cf->args;
    cf->args = &args;

    rv = cmd->set(cf, cmd, addr);

    cf->args = saved;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (*addr == NULL
        || (*addr)->name.len != sizeof(NGX_MAIL_COMPLIANCE_NOWHERE) - 1
        || ngx_strncmp((*addr)->name.data, NGX_MAIL_COMPLIANCE_NOWHERE,
                       sizeof(NGX_MAIL_COMPLIANCE_NOWHERE) - 1)
           != 0)
    {
        return "does not know the \"auth_http\" of this nginx";
    }

    mcf = ngx_mail_conf_get_module_main_conf(cf, ngx_mail_compliance_module);
    mcf->stand_in = *addr;

    return NGX_CONF_OK;
}


static ngx_command_t *
ngx_mail_compliance_command(ngx_module_t *module, const char *name)
{
    ngx_command_t  *cmd;

    for (cmd = module->commands; cmd && cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, name) == 0) {
            return cmd;
        }
    }

    return NULL;
}


/* Of the mail{} block itself, or of the server at hand. */

static ngx_addr_t **
ngx_mail_compliance_auth_addr(ngx_conf_t *cf, ngx_uint_t main)
{
    ngx_mail_conf_ctx_t  *ctx;

    ctx = main ? (ngx_mail_conf_ctx_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                      ngx_mail_module)
               : cf->ctx;

    return ctx->srv_conf[ngx_mail_auth_http_module.ctx_index];
}


char *
ngx_mail_compliance_upstream_check(ngx_conf_t *cf,
    ngx_mail_compliance_srv_conf_t *prev, ngx_mail_compliance_srv_conf_t *conf)
{
    ngx_addr_t                       *here, *main;
    ngx_mail_core_srv_conf_t         *cscf;
    ngx_mail_compliance_main_conf_t  *mcf;

    cscf = ngx_mail_conf_get_module_srv_conf(cf, ngx_mail_core_module);
    mcf = ngx_mail_conf_get_module_main_conf(cf, ngx_mail_compliance_module);

    /* merged or not yet, as the modules were loaded */

    here = *ngx_mail_compliance_auth_addr(cf, 0);
    main = *ngx_mail_compliance_auth_addr(cf, 1);

    if (here == main) {
        here = NULL;
    }

    if (main == mcf->stand_in) {
        main = NULL;
    }

    if (conf->enable) {
        return ngx_mail_compliance_upstream_choose(cf, prev, conf,
                                                   here != NULL, main != NULL);
    }

    if (conf->upstream) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"compliance_upstream\" without \"compliance on\" in "
                      "the server in %s:%ui", cscf->file_name, cscf->line);
        return NGX_CONF_ERROR;
    }

    if (here == NULL && main == NULL && mcf->stand_in) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"auth_http\" is defined for server in %s:%ui",
                      cscf->file_name, cscf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_mail_compliance_upstream_choose(ngx_conf_t *cf,
    ngx_mail_compliance_srv_conf_t *prev, ngx_mail_compliance_srv_conf_t *conf,
    ngx_uint_t auth_here, ngx_uint_t auth_main)
{
    ngx_uint_t                 upstream, auth;
    ngx_mail_core_srv_conf_t  *cscf;

    upstream = (conf->upstream != NULL);
    auth = auth_here;

    if (!upstream && !auth) {
        upstream = (prev->upstream != NULL);
        auth = auth_main;
        conf->upstream = prev->upstream;
    }

    if (upstream != auth) {
        return upstream ? ngx_mail_compliance_pass_errors(cf) : NGX_CONF_OK;
    }

    cscf = ngx_mail_conf_get_module_srv_conf(cf, ngx_mail_core_module);

    if (upstream) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "both \"compliance_upstream\" and \"auth_http\" name the "
                      "back end of the server in %s:%ui: remove one of them",
                      cscf->file_name, cscf->line);

    } else {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"compliance on\" without a back end for the server in "
                      "%s:%ui: give \"compliance_upstream HOST:PORT\", or "
                      "\"auth_http\" with the site's own service",
                      cscf->file_name, cscf->line);
    }

    return NGX_CONF_ERROR;
}


/*
 * The back end itself checks the password here, so its refusal has to reach
 * the client: proxy_pass_error_message is on with compliance_upstream.
 */

static char *
ngx_mail_compliance_pass_errors(ngx_conf_t *cf)
{
    char           *pcf;
    ngx_flag_t      on = 1;
    ngx_command_t  *cmd;

    cmd = ngx_mail_compliance_command(&ngx_mail_proxy_module,
                                      "proxy_pass_error_message");

    if (cmd == NULL || cmd->set != ngx_conf_set_flag_slot) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"proxy_pass_error_message\" in this nginx");
        return NGX_CONF_ERROR;
    }

    pcf = ngx_mail_conf_get_module_srv_conf(cf, ngx_mail_proxy_module);

    ngx_memcpy(pcf + cmd->offset, &on, sizeof(ngx_flag_t));

    return NGX_CONF_OK;
}


void
ngx_mail_compliance_proceed(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx)
{
    ngx_connection_t                *c;
    ngx_mail_compliance_srv_conf_t  *mscf;

    c = s->connection;

    mscf = ngx_mail_get_module_srv_conf(s, ngx_mail_compliance_module);

    s->auth_method = NGX_MAIL_AUTH_PLAIN;
    s->auth_wait = 0;

    if (mscf->upstream == NULL) {
        ngx_mail_auth(s, c);
        return;
    }

    /* what ngx_mail_auth() does before it asks */

    s->args.nelts = 0;
    s->state = 0;

    if (s->buffer->pos == s->buffer->last) {
        s->buffer->pos = s->buffer->start;
        s->buffer->last = s->buffer->start;
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    s->login_attempt++;

    ngx_mail_proxy_init(s, mscf->upstream);

    if (c->destroyed || s->quit) {
        return;
    }

    ctx->proxy_read = s->proxy->upstream.connection->read->handler;
    s->proxy->upstream.connection->read->handler =
                                               ngx_mail_compliance_proxy_read;
}


/*
 * What a client sent behind its LOGIN while the login was under way lies in
 * the socket, and its event is spent: nginx before 1.27 would not read it until
 * more comes.  The proxy takes over the back end's read handler at the moment
 * the login has succeeded.
 */

static void
ngx_mail_compliance_proxy_read(ngx_event_t *rev)
{
    ngx_connection_t           *c, *client;
    ngx_mail_session_t         *s;
    ngx_mail_compliance_ctx_t  *ctx;

    c = rev->data;
    s = c->data;
    client = s->connection;

    ctx = ngx_mail_get_module_ctx(s, ngx_mail_compliance_module);

    ctx->proxy_read(rev);

    if (client->destroyed || rev->handler != client->read->handler) {
        return;
    }

    if (client->read->ready) {
        ngx_post_event(client->read, &ngx_posted_events);
    }
}
