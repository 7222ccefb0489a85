/*
 * One member of one index set, and what stands behind it.  Every writer
 * changes both in one transaction, so whether the member belongs there follows
 * from its record alone: a repair watches the records, not the sets, which
 * somebody writes all the time.
 */
#include "doctor.h"

#include <string.h>


#define ATTEMPTS  64


static const ctl_field_t *
indexed_field(const ctl_kind_t *kind, compliance_str_t name)
{
    const ctl_field_t *field = ctl_field_find(kind, name);

    return field != NULL && field->index != CTL_INDEX_NONE ? field : NULL;
}


bool
ctl_link_of_key(const ctl_t *ctl, const char *index, ctl_link_t *link,
    const ctl_kind_t **kind)
{
    const char      *begin = ctl_key_index(ctl, "x", compliance_str("x"));
    const char      *name, *colon;
    compliance_str_t field;

    if (begin == NULL || strncmp(index, begin, strlen(begin) - 3) != 0) {
        return false;
    }

    name = index + strlen(begin) - 3;   /* without "x:x" */
    colon = strchr(name, ':');

    if (colon == NULL) {
        return false;
    }

    field = (compliance_str_t) { name, (size_t) (colon - name) };
    *kind = &ctl_device_kind;
    link->field = indexed_field(*kind, field);

    if (link->field == NULL) {
        *kind = &ctl_user_kind;
        link->field = indexed_field(*kind, field);
    }

    link->index = index;
    link->value = colon + 1;

    return link->field != NULL;
}


void
ctl_link_ask(ctl_t *ctl, const ctl_link_t *link)
{
    if (link->field == NULL) {
        ctl_store_send(ctl, "GET %s", link->source);
    } else {
        ctl_store_send(ctl, "HGET %s %s", link->source, link->field->name);
    }
}


bool
ctl_link_holds(const ctl_link_t *link, const redisReply *reply)
{
    compliance_str_t text = ctl_reply_text(reply), item;

    if (text.data == NULL) {
        return false;
    }

    if (link->field == NULL || link->field->index != CTL_INDEX_ITEMS) {
        return compliance_str_eq(text, ctl_str(link->value))
               && (link->field == NULL
                   || link->field->index != CTL_INDEX_ONE
                   || compliance_str_eq(text, compliance_str("1")));
    }

    while (compliance_list_item(&text, &item)) {
        if (compliance_str_eq(item, ctl_str(link->value))) {
            return true;
        }
    }

    return false;
}


/* False: somebody wrote one of the sources meanwhile. */
static bool
mend(ctl_t *ctl, const ctl_link_t *links, size_t n)
{
    bool        *holds = ctl_alloc_array(n, sizeof(*holds));
    redisReply  *reply;

    for (size_t i = 0; i < n; i++) {
        if (links[i].source != NULL) {
            ctl_store_send(ctl, "WATCH %s", links[i].source);
            ctl_link_ask(ctl, &links[i]);
        }
    }

    for (size_t i = 0; i < n; i++) {
        if (links[i].source != NULL) {
            (void) ctl_store_receive(ctl);
            holds[i] = ctl_link_holds(&links[i], ctl_store_receive(ctl));
        }
    }

    ctl_store_send(ctl, "MULTI");

    for (size_t i = 0; i < n; i++) {
        ctl_store_send(ctl, holds[i] ? "SADD %s %s" : "SREM %s %s",
                       links[i].index, links[i].member);
    }

    ctl_store_send(ctl, "EXEC");

    for (size_t i = 0; i < n + 1; i++) {
        (void) ctl_store_receive(ctl);
    }

    reply = ctl_store_receive(ctl);

    if (reply->type == REDIS_REPLY_NIL) {
        return false;
    }

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a transaction's result");

    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            ctl_die(CTL_CONTENT, "Redis refused to write the index \"%s\" "
                    "(%s); look at it with redis-cli",
                    ctl_escape(ctl_str(links[i < n ? i : 0].index)),
                    ctl_escape((compliance_str_t) { reply->element[i]->str,
                                                    reply->element[i]->len }));
        }
    }

    return true;
}


void
ctl_links_mend(ctl_t *ctl, const ctl_link_t *links, size_t n)
{
    unsigned attempts = 0;

    while (n > 0) {
        ctl_mark_t mark = ctl_mark();
        bool       done = mend(ctl, links, n);

        ctl_release(mark);

        if (done) {
            return;
        }

        if (++attempts == ATTEMPTS) {
            ctl_die(CTL_CONFLICT, "others keep changing the same records; "
                    "the indexes are mended in part, try again");
        }
    }
}
