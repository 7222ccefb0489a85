/*
 * A device as its source spells it -> the values a record holds.  What would
 * make another device of it is refused; what people only read is cut and
 * cleaned.
 */
#include "bulk_private.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>


/* Longer values than 64 bytes cost the whole record its compact form in Redis
 * (hash-max-listpack-value). */
#define MODEL_MAX       64
#define NAME_MAX_BYTES  64
#define OS_VERSION_MAX  63
#define PLATFORM_MAX    31
#define SERIAL_MIN      4      /* "0", "N/A", "1" stand in many devices */

const bulk_field_row_t bulk_fields[BULK_FIELDS] = {
#define FIELD(text, indexed)  { { (text), sizeof(text) - 1 }, (indexed) }
    [BULK_STATE] = FIELD("state", true),
    [BULK_OWNER] = FIELD("owner", true),
    [BULK_REASONS] = FIELD("reasons", false),
    [BULK_GRACE_UNTIL] = FIELD("grace_until", false),
    [BULK_RISK] = FIELD("risk", false),
    [BULK_MANAGEMENT] = FIELD("management", false),
    [BULK_PLATFORM] = FIELD("platform", true),
    [BULK_OS_VERSION] = FIELD("os_version", false),
    [BULK_MODEL] = FIELD("model", false),
    [BULK_NAME] = FIELD("name", false),
    [BULK_LAST_CHECKIN] = FIELD("last_checkin", false),
    [BULK_POLICY] = FIELD("policy", false),
    [BULK_MDM_STATE] = FIELD("mdm_state", false),
    [BULK_NONCOMPLIANT_SINCE] = FIELD("noncompliant_since", false),
    [BULK_SOURCE] = FIELD("source", true),
    [BULK_UPDATED] = FIELD("updated", false),
#undef FIELD
};

/* What makers and virtual machines leave in the place of a serial number:
 * compared in upper case. */
static const char *const no_serials[] = {
    "UNKNOWN", "NONE", "DEFAULTSTRING", "SYSTEMSERIALNUMBER",
    "TOBEFILLEDBYO.E.M.", "NOTSPECIFIED", "NOTAVAILABLE", "INVALID"
};

/* What a platform's name begins with, blanks taken out -> its name here. */
static const struct {
    const char *begins;
    const char *name;
} platforms[] = {
    { "ipados", "ipados" },
    { "ipad", "ipados" },
    { "ios", "ios" },
    { "iphone", "ios" },
    { "android", "android" },
    { "windows", "windows" },
    { "macos", "macos" },
    { "macmdm", "macos" },
    { "osx", "macos" },
    { "chromeos", "chromeos" },
    { "linux", "linux" },
    { "ubuntu", "linux" },
};


/* One line that shows as what it is, at most max bytes, never half a
 * character; absent where nothing is left. */
static compliance_str_t
line(ctl_arena_t *arena, compliance_str_t in, size_t max)
{
    char             *out;
    size_t            len = 0;
    utf8proc_int32_t  c;
    utf8proc_ssize_t  n;

    if (in.len == 0) {
        return compliance_absent;
    }

    out = ctl_arena_alloc(arena, max + 1);

    for (size_t i = 0; i < in.len; i += (size_t) n) {
        n = utf8proc_iterate((const utf8proc_uint8_t *) in.data + i,
                             (utf8proc_ssize_t) (in.len - i), &c);

        if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)
            || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
        {
            n = n <= 0 ? 1 : n;

            if (len == max) {
                break;
            }

            out[len++] = '?';
            continue;
        }

        if ((size_t) n > max - len) {
            break;
        }

        memcpy(out + len, in.data + i, (size_t) n);
        len += (size_t) n;
    }

    out[len] = '\0';

    return (compliance_str_t) { out, len };
}


static compliance_str_t
platform(ctl_arena_t *arena, compliance_str_t in)
{
    char  *out;
    size_t len = 0;

    if (in.len == 0) {
        return compliance_absent;
    }

    out = ctl_arena_alloc(arena, PLATFORM_MAX + 1);

    for (size_t i = 0; i < in.len && len < PLATFORM_MAX; i++) {
        char c = in.data[i];

        c = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);

        if (c != ' ') {
            out[len++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                         || c == '_' ? c : '-';
        }
    }

    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
        size_t n = strlen(platforms[i].begins);

        if (len >= n && memcmp(out, platforms[i].begins, n) == 0) {
            return ctl_str(platforms[i].name);
        }
    }

    return len == 0 ? compliance_absent : (compliance_str_t) { out, len };
}


/* Codes between commas, each once the tool's own grammar; what does not fit is
 * left out at the end. */
static compliance_str_t
reasons(ctl_arena_t *arena, compliance_str_t in)
{
    char            *out;
    size_t           len = 0;
    compliance_str_t item;

    if (in.len == 0) {
        return compliance_absent;
    }

    out = ctl_arena_alloc(arena, COMPLIANCE_REASONS_MAX + 1);

    while (compliance_list_item(&in, &item)) {
        if (item.len == 0 || item.len + 1 > COMPLIANCE_REASONS_MAX - len) {
            continue;
        }

        if (len > 0) {
            out[len++] = ',';
        }

        for (size_t i = 0; i < item.len; i++) {
            char c = item.data[i];

            c = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            out[len++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                         || c == '.' || c == '-' ? c : '_';
        }
    }

    out[len] = '\0';

    return len == 0 ? compliance_absent : (compliance_str_t) { out, len };
}


typedef struct {
    const char  *noun;
    size_t       n;
    const char  *words[5];
} word_list_t;

static const word_list_t risks = {
    "risk", 5, { "none", "low", "medium", "high", "unknown" }
};

static const word_list_t managements = {
    "management", 3, { "mdm", "mam", "none" }
};


static bool
word(const word_list_t *list, compliance_str_t in, compliance_str_t *out,
    const char **why)
{
    if (in.len == 0) {
        *out = compliance_absent;
        return true;
    }

    for (size_t i = 0; i < list->n; i++) {
        if (compliance_str_is(in, list->words[i])) {
            *out = ctl_str(list->words[i]);
            return true;
        }
    }

    *why = ctl_format("%s \"%s\" is none that is known", list->noun,
                      ctl_escape(in));

    return false;
}


static bool
is_serial(compliance_str_t value)
{
    if (value.len < SERIAL_MIN) {
        return false;
    }

    for (size_t i = 0; i < sizeof(no_serials) / sizeof(no_serials[0]); i++) {
        if (compliance_str_is(value, no_serials[i])) {
            return false;
        }
    }

    for (size_t i = 1; i < value.len; i++) {
        if (value.data[i] != value.data[0]) {
            return true;
        }
    }

    return false;
}


static bool
has_any(compliance_str_t text, const char *chars)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(chars, text.data[i]) != NULL) {
            return true;
        }
    }

    return false;
}


static void
add_claim(bulk_item_t *item, ctl_arena_t *arena, compliance_alias_kind_t kind,
    compliance_str_t value, bool wanted)
{
    bulk_claim_t *claim = &item->claims[item->n_claims];

    for (size_t i = 0; i < item->n_claims; i++) {
        if (item->claims[i].kind == kind
            && compliance_str_eq(item->claims[i].value, value))
        {
            return;
        }
    }

    memset(claim, 0, sizeof(*claim));
    claim->kind = kind;
    claim->value = ctl_arena_copy(arena, value);
    claim->wanted = wanted;
    item->n_claims++;
}


/* An alias as the data model has it.  The serial number of a machine may be
 * anything: one that cannot be an alias is none, and no mistake. */
static bool
alias(bulk_item_t *item, ctl_arena_t *arena, compliance_alias_kind_t kind,
    compliance_str_t in, const char **why)
{
    char                   fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
    compliance_device_id_t id;
    compliance_str_t       value;

    if (in.len == 0) {
        return true;
    }

    if (kind == COMPLIANCE_ALIAS_CERT) {
        if (compliance_fingerprint_parse(in, fingerprint) != COMPLIANCE_OK) {
            *why = ctl_format("cert \"%s\" is no SHA-256 of a certificate: 64 "
                              "hex digits", ctl_escape(in));
            return false;
        }

        add_claim(item, arena, kind, ctl_str(fingerprint), true);
        return true;
    }

    if (compliance_device_id_parse(in, &id) != COMPLIANCE_OK
        || (kind == COMPLIANCE_ALIAS_EAS
            && (id.len > 32 || has_any(in, "._-")))
        || (kind == COMPLIANCE_ALIAS_LOGIN && has_any(in, ".")))
    {
        if (kind == COMPLIANCE_ALIAS_SERIAL) {
            return true;
        }

        *why = ctl_format("%s \"%s\" is no such name: it expects letters and "
                          "digits", compliance_alias_kind_name(kind),
                          ctl_escape(in));
        return false;
    }

    value = (compliance_str_t) { id.data, id.len };

    if ((kind != COMPLIANCE_ALIAS_SERIAL || is_serial(value))
        && !compliance_device_id_eq(&id, &item->id))
    {
        add_claim(item, arena, kind, value, true);
    }

    return true;
}


static bool
aliases(bulk_item_t *item, ctl_arena_t *arena,
    const ctl_bulk_device_t *device, const char **why)
{
    compliance_str_t id = { item->id.data, item->id.len };

    if (!alias(item, arena, COMPLIANCE_ALIAS_EAS, device->eas[0], why)
        || !alias(item, arena, COMPLIANCE_ALIAS_EAS, device->eas[1], why)
        || !alias(item, arena, COMPLIANCE_ALIAS_CERT, device->cert, why)
        || !alias(item, arena, COMPLIANCE_ALIAS_SERIAL, device->serial, why)
        || !alias(item, arena, COMPLIANCE_ALIAS_LOGIN, device->login, why))
    {
        return false;
    }

    /* the id as another device's alias would be ambiguous */
    if (id.len <= 32 && !has_any(id, "._-")) {
        add_claim(item, arena, COMPLIANCE_ALIAS_EAS, id, false);
    }

    add_claim(item, arena, COMPLIANCE_ALIAS_SERIAL, id, false);

    if (!has_any(id, ".")) {
        add_claim(item, arena, COMPLIANCE_ALIAS_LOGIN, id, false);
    }

    return true;
}


static bool
owner(bulk_item_t *item, ctl_arena_t *arena, compliance_str_t in,
    const char **why)
{
    compliance_principal_t name;

    if (in.len == 0) {
        return true;
    }

    if (compliance_principal_parse(in, &name) != COMPLIANCE_OK) {
        *why = ctl_format("owner \"%s\" is no user name", ctl_escape(in));
        return false;
    }

    item->owner = ctl_arena_copy(arena,
                      (compliance_str_t) { name.data, name.len });

    return true;
}


/* Judged as if it had been compliant so far: right for most, and spares them a
 * second reading of their inventory (bulk_plan.c). */
static void
judge_early(const ctl_bulk_t *bulk, bulk_item_t *item,
    const ctl_bulk_device_t *device)
{
    compliance_inventory_t inventory;

    if (!item->mdm_said || item->told[BULK_PLATFORM].data == NULL
        || (device->inventory == NULL && bulk->options.n_policies > 0))
    {
        return;
    }

    inventory = (compliance_inventory_t) {
        .platform = item->told[BULK_PLATFORM],
        .inventory = device->inventory,
        .mdm_state = item->mdm_state,
        .mdm_said = true,
        .mdm_reasons = item->mdm_reasons,
        .mdm_grace_until = item->mdm_grace_until,
        .now = item->updated,
    };

    compliance_policies_judge(bulk->options.policies, bulk->options.n_policies,
                              &inventory, &item->judgement);
    item->judged = true;
}


static int
dump_bytes(const char *bytes, size_t size, void *data)
{
    compliance_buf_t *buf = data;

    compliance_buf_add(buf, bytes, size);

    return buf->overflow ? -1 : 0;
}


#define DUMP_FIRST  4096
#define DUMP_MAX    ((size_t) 1024 * 1024)   /* bytes of a device's inventory */

static compliance_str_t
inventory_text(ctl_arena_t *arena, const bulk_item_t *item,
    const json_t *inventory)
{
    compliance_buf_t buf;
    size_t           cap = DUMP_FIRST;
    char             first[DUMP_FIRST], *text = first;

    for ( ;; ) {
        compliance_buf_init(&buf, text, cap);

        if (json_dump_callback(inventory, dump_bytes, &buf, JSON_COMPACT) == 0)
        {
            /* what a later judgement needs and the record has no room for */
            if (item->mdm_reasons.len > 0 || item->mdm_grace_until > 0) {
                bool empty = buf.len == 2;

                buf.len--;
                compliance_buf_str(&buf, empty ? "" : ",");
                compliance_buf_str(&buf, "\"mdm_reasons\":\"");
                compliance_buf_str(&buf, item->mdm_reasons.len > 0
                                             ? item->mdm_reasons.data : "");
                compliance_buf_str(&buf, "\",\"mdm_grace_until\":");
                compliance_buf_int(&buf, item->mdm_grace_until);
                compliance_buf_str(&buf, "}");
            }

            if (!buf.overflow) {
                return ctl_arena_copy(arena, (compliance_str_t) { buf.data,
                                                                  buf.len });
            }
        }

        if (cap >= DUMP_MAX) {
            return compliance_absent;
        }

        cap *= 4;
        text = ctl_arena_alloc(arena, cap);
    }
}


static void
times(bulk_item_t *item, ctl_arena_t *arena, const ctl_bulk_device_t *device,
    int64_t now)
{
    /* a time to come would hold off every later word, and any end of grace */
    item->updated = device->updated > 0
                    && device->updated <= now + BULK_CLOCK_SKEW
                    ? device->updated : now;
    item->told[BULK_UPDATED] = ctl_arena_int(arena, item->updated);

    if (device->last_checkin > 0) {
        item->told[BULK_LAST_CHECKIN] = ctl_arena_int(arena,
                                                      device->last_checkin);
    }
}


bool
bulk_item_fill(ctl_bulk_t *bulk, bulk_item_t *item, ctl_arena_t *arena,
    const ctl_bulk_device_t *device, const char **why)
{
    if (compliance_device_id_parse(device->id, &item->id) != COMPLIANCE_OK) {
        *why = ctl_format("\"%s\" is no device id: 1 to %d letters, digits, "
                          "'.', '_' and '-'", ctl_escape(device->id),
                          COMPLIANCE_DEVICE_ID_MAX);
        return false;
    }

    if (!owner(item, arena, device->owner, why)
        || !word(&risks, device->risk, &item->told[BULK_RISK], why)
        || !word(&managements, device->management,
                 &item->told[BULK_MANAGEMENT], why)
        || !aliases(item, arena, device, why))
    {
        return false;
    }

    item->told[BULK_PLATFORM] = platform(arena, device->platform);
    item->told[BULK_OS_VERSION] = line(arena, device->os_version,
                                       OS_VERSION_MAX);
    item->told[BULK_MODEL] = line(arena, device->model, MODEL_MAX);
    item->told[BULK_NAME] = line(arena, device->name, NAME_MAX_BYTES);
    item->told[BULK_SOURCE] = ctl_str(bulk->options.source);
    times(item, arena, device, bulk->ctl->now);

    item->mdm_said = device->mdm_said;
    item->mdm_state = device->mdm_state;
    item->mdm_reasons = reasons(arena, device->mdm_reasons);
    item->mdm_grace_until = device->grace_until > 0 ? device->grace_until : 0;

    if (item->mdm_said) {
        item->told[BULK_MDM_STATE] = ctl_str(
                                   compliance_state_name(item->mdm_state));
    }

    if (device->inventory != NULL) {
        item->inventory = inventory_text(arena, item, device->inventory);

        if (item->inventory.data == NULL) {
            *why = ctl_format("its inventory is too large: at most %zu bytes",
                              DUMP_MAX);
            return false;
        }
    }

    judge_early(bulk, item, device);

    return true;
}
