/*
 * The memory of replies: hiredis' reader builds its objects in a pool, which
 * is emptied as a whole once a batch has been handed out.  Replies come one
 * after the other and each is complete when hiredis sees it, so nothing else
 * is in the pool then.
 */
#include "ngx_redis.h"
#include "ngx_redis_internal.h"


#define NGX_REDIS_OBJECTS  4096   /* first size: a device's and a user's */

#if (HIREDIS_MAJOR >= 1)
#define ngx_redis_elements_t  size_t
#else
#define ngx_redis_elements_t  int
#endif


static redisReply *ngx_redis_object(const redisReadTask *task, size_t more);
static void *ngx_redis_object_string(const redisReadTask *task, char *str,
    size_t len);
static void *ngx_redis_object_array(const redisReadTask *task,
    ngx_redis_elements_t n);
static void *ngx_redis_object_integer(const redisReadTask *task,
    long long value);
static void *ngx_redis_object_nil(const redisReadTask *task);
static void ngx_redis_object_free(void *object);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_redis_object_double(const redisReadTask *task, double value,
    char *str, size_t len);
static void *ngx_redis_object_bool(const redisReadTask *task, int value);
#endif


static redisReplyObjectFunctions  ngx_redis_object_functions = {
    ngx_redis_object_string,
    ngx_redis_object_array,
    ngx_redis_object_integer,
#if (HIREDIS_MAJOR >= 1)
    ngx_redis_object_double,
#endif
    ngx_redis_object_nil,
#if (HIREDIS_MAJOR >= 1)
    ngx_redis_object_bool,
#endif
    ngx_redis_object_free
};


static redisReply  ngx_redis_object_nothing = { .type = REDIS_REPLY_NIL };


redisReader *
ngx_redis_object_reader(ngx_redis_t *redis)
{
    redisReader  *reader;

    reader = redisReaderCreateWithFunctions(&ngx_redis_object_functions);

    if (reader != NULL) {
        reader->privdata = redis;
    }

    return reader;
}


void
ngx_redis_object_reset(ngx_redis_t *redis)
{
    if (redis->objects == NULL) {
        return;
    }

    /* what a large reply took is given back */

    if (redis->objects->d.next != NULL) {
        ngx_redis_object_destroy(redis);
        return;
    }

    ngx_reset_pool(redis->objects);
}


void
ngx_redis_object_destroy(ngx_redis_t *redis)
{
    if (redis->objects != NULL) {
        ngx_destroy_pool(redis->objects);
        redis->objects = NULL;
    }
}


/* more: bytes behind the object, for what it holds. */

static redisReply *
ngx_redis_object(const redisReadTask *task, size_t more)
{
    redisReply   *reply, *parent;
    ngx_redis_t  *redis;

    redis = task->privdata;

    if (redis->objects == NULL) {
        redis->objects = ngx_create_pool(NGX_REDIS_OBJECTS, redis->log);
        if (redis->objects == NULL) {
            return NULL;
        }
    }

    reply = ngx_palloc(redis->objects, sizeof(redisReply) + more);
    if (reply == NULL) {
        return NULL;
    }

    ngx_memzero(reply, sizeof(redisReply));
    reply->type = task->type;

    if (task->parent != NULL) {
        parent = task->parent->obj;
        parent->element[task->idx] = reply;
    }

    return reply;
}


static void *
ngx_redis_object_string(const redisReadTask *task, char *str, size_t len)
{
    redisReply  *reply;

    reply = ngx_redis_object(task, len + 1);

    if (reply != NULL) {
        reply->str = (char *) reply + sizeof(redisReply);
        reply->len = len;
        *ngx_cpymem(reply->str, str, len) = '\0';
    }

    return reply;
}


/* The framing check has counted the elements already; any number's memory
 * would be taken at once here, so it is not left to one check. */

static void *
ngx_redis_object_array(const redisReadTask *task, ngx_redis_elements_t n)
{
    size_t       size;
    redisReply  *reply;

    if ((size_t) n > NGX_REDIS_FRAME_ELEMENTS) {
        return NULL;
    }

    size = (size_t) n * sizeof(redisReply *);

    reply = ngx_redis_object(task, size);

    if (reply != NULL && n > 0) {
        reply->element = (redisReply **) ((char *) reply + sizeof(redisReply));
        reply->elements = (size_t) n;
        ngx_memzero(reply->element, size);
    }

    return reply;
}


static void *
ngx_redis_object_integer(const redisReadTask *task, long long value)
{
    redisReply  *reply;

    reply = ngx_redis_object(task, 0);

    if (reply != NULL) {
        reply->integer = value;
    }

    return reply;
}


/* Most of a record is nil: one object does for all of them. */

static void *
ngx_redis_object_nil(const redisReadTask *task)
{
    redisReply  *parent;

    if (task->parent != NULL) {
        parent = task->parent->obj;
        parent->element[task->idx] = &ngx_redis_object_nothing;
    }

    return &ngx_redis_object_nothing;
}


#if (HIREDIS_MAJOR >= 1)

/* Not of RESP2, which is all that the framing check lets through. */

static void *
ngx_redis_object_double(const redisReadTask *task, double value, char *str,
    size_t len)
{
    return NULL;
}


static void *
ngx_redis_object_bool(const redisReadTask *task, int value)
{
    return NULL;
}

#endif


/* hiredis drops a reply that it could not finish. */

static void
ngx_redis_object_free(void *object)
{
    /* its pool is destroyed with the connection */
}
