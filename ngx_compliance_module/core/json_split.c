/*
 * One pass over the bytes, which stops at what has a meaning where it stands:
 * inside a text only the quote, the backslash and the end of a line.
 */
#include "json_split.h"

#include <string.h>


#define DEPTH_MAX  64   /* levels that `arrays` has bits for */

/* The member of a page that holds its records: Graph's and what others call
 * theirs. */
static const compliance_str_t lists[] = {
    { "value", 5 }, { "results", 7 }, { "devices", 7 }
};

typedef enum {
    NAME_NONE = 0,
    NAME_COLON,     /* it was such a name, ':' is due */
    NAME_LIST       /* and '[' */
} naming_t;

typedef enum {
    STEP_MORE = 0,
    STEP_ENDED,     /* the value ends before split->at */
    STEP_LINE,      /* a line ends inside a text: no JSON */
    STEP_LIST,      /* a page's list begins at split->at */
    STEP_ANEW,      /* a record begins at split->at inside this one */
    STEP_DEEP
} step_t;


static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


static void
saw_newline(compliance_split_t *split, size_t at)
{
    split->newlines++;
    split->newline = split->offset + at + 1;
    split->one_line = false;
}


/* To the end of a text, or as far as it has come. */
static step_t
walk_string(compliance_split_t *split, const char *data, size_t len)
{
    size_t i = split->at;

    while (i < len) {
        if (split->escaped) {
            split->escaped = false;
            i++;
            continue;
        }

        while (i < len && data[i] != '"' && data[i] != '\\'
               && data[i] != '\n')
        {
            i++;
        }

        if (i == len) {
            break;
        }

        if (data[i] == '\n') {
            split->at = i;
            return STEP_LINE;
        }

        if (data[i] == '\\') {
            split->escaped = true;
            i++;
            continue;
        }

        split->in_string = false;
        i++;
        break;
    }

    split->at = i;

    return STEP_MORE;
}


static bool
in_array(const compliance_split_t *split)
{
    return split->depth > 0
           && (split->arrays >> (split->depth - 1) & 1) != 0;
}


static bool
is_list_name(const char *data, size_t from, size_t to)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (to - from == lists[i].len
            && memcmp(data + from, lists[i].data, lists[i].len) == 0)
        {
            return true;
        }
    }

    return false;
}


/* "value", then ':', then '[': of an undecided object's own members. */
static bool
walk_name(compliance_split_t *split, char c)
{
    naming_t naming = (naming_t) split->naming;

    split->naming = naming == NAME_COLON && c == ':' ? NAME_LIST : NAME_NONE;

    return naming == NAME_LIST && c == '[';
}


static step_t
open_level(compliance_split_t *split, bool array)
{
    if (split->depth == DEPTH_MAX) {
        return STEP_DEEP;
    }

    split->arrays &= ~(UINT64_C(1) << split->depth);
    split->arrays |= (uint64_t) array << split->depth;
    split->depth++;

    return STEP_MORE;
}


/* A record that begins a line where no value can stand: the one before it was
 * cut off. */
static bool
begins_anew(const compliance_split_t *split, size_t at)
{
    if (split->state != COMPLIANCE_SPLIT_VALUE || split->depth == 0
        || split->newline != split->offset + at)
    {
        return false;
    }

    return split->last != ':'
           && !(in_array(split) && (split->last == '[' || split->last == ','));
}


/* One character outside texts. */
static step_t
walk_char(compliance_split_t *split, const char *data, size_t i)
{
    char   c = data[i];
    bool   undecided = split->state == COMPLIANCE_SPLIT_VALUE
                       && split->depth == 1;
    step_t step = STEP_MORE;

    if (undecided && walk_name(split, c)) {
        split->at = i;
        return STEP_LIST;
    }

    switch (c) {

    case '{':
        if (begins_anew(split, i)) {
            split->at = i;
            return STEP_ANEW;
        }

        step = open_level(split, false);
        break;

    case '[':
        step = open_level(split, true);
        break;

    case '}':
    case ']':
        if (split->depth > 0) {
            split->depth--;
        }

        if (split->depth == 0) {
            split->at = i + 1;
            return STEP_ENDED;
        }

        break;

    case '"':
        split->in_string = true;
        split->key = i;
        break;
    }

    split->last = c;
    split->at = i + 1;

    return step;
}


/* A name of the object that may be a page. */
static void
string_ended(compliance_split_t *split, const char *data)
{
    bool is_name = split->last == '{' || split->last == ',';

    split->last = '"';

    if (split->state == COMPLIANCE_SPLIT_VALUE && split->depth == 1 && is_name
        && !split->discards
        && is_list_name(data, split->key + 1, split->at - 1))
    {
        split->naming = NAME_COLON;
    }
}


/* To the end of a value that has begun. */
static step_t
walk(compliance_split_t *split, const char *data, size_t len)
{
    step_t step;
    char   before;

    while (split->at < len) {
        if (split->in_string) {
            step = walk_string(split, data, len);

            if (step != STEP_MORE || split->in_string) {
                return step;
            }

            string_ended(split, data);

            if (split->depth == 0) {
                return STEP_ENDED;
            }

            continue;
        }

        if (data[split->at] == '\n') {
            saw_newline(split, split->at);
        }

        if (is_blank(data[split->at])) {
            split->at++;
            continue;
        }

        before = split->last;
        step = walk_char(split, data, split->at);

        if (step != STEP_MORE) {
            return step;
        }

        if (split->in_string) {
            split->last = before;   /* what the text stands behind */
        }
    }

    return STEP_MORE;
}


/* A number, true, false, null, or what is none of them: to what ends it. */
static step_t
walk_scalar(compliance_split_t *split, const char *data, size_t len, bool last)
{
    while (split->at < len) {
        char c = data[split->at];

        if (is_blank(c) || c == ',' || c == ']' || c == '}') {
            return STEP_ENDED;
        }

        split->at++;
    }

    return last ? STEP_ENDED : STEP_MORE;
}


static void
begin_value(compliance_split_t *split, compliance_split_state_t state)
{
    split->state = state;
    split->begin = split->at;
    split->column = split->offset + split->at - split->newline;
    split->depth = 0;
    split->last = '\0';
    split->naming = NAME_NONE;
    split->in_string = split->escaped = split->discards = false;
    split->one_line = true;
    split->begun = true;
    split->record++;

    if (state == COMPLIANCE_SPLIT_VALUE) {
        split->line = split->newlines + 1;
    }
}


/* Everything before `at` is done with. */
static compliance_split_event_t
event(compliance_split_t *split, compliance_split_event_t event,
    const char *why)
{
    split->consumed = split->at;
    split->offset += split->at;
    split->at = split->begin = split->key = 0;
    split->why = why;

    return event;
}


static compliance_split_event_t
failed(compliance_split_t *split, const char *why)
{
    split->state = COMPLIANCE_SPLIT_OVER;

    return event(split, COMPLIANCE_SPLIT_FAILED, why);
}


/* What is kept is the value that has begun, unless it is too long. */
static compliance_split_event_t
more(compliance_split_t *split, size_t keep)
{
    if (split->at - keep > COMPLIANCE_RECORD_MAX) {
        split->discards = true;
    }

    if (split->discards) {
        keep = split->at;
    }

    split->consumed = keep;
    split->offset += keep;
    split->at -= keep;
    split->key = split->key > keep ? split->key - keep : 0;
    split->begin = split->begin > keep ? split->begin - keep : 0;

    return COMPLIANCE_SPLIT_MORE;
}


static compliance_split_event_t
give(compliance_split_t *split, const char *data, size_t end)
{
    if (split->discards || end - split->begin > COMPLIANCE_RECORD_MAX) {
        split->discards = false;
        return event(split, COMPLIANCE_SPLIT_BROKEN,
                     "it is longer than 1 MiB");
    }

    split->text = (compliance_str_t) { data + split->begin,
                                       end - split->begin };

    return event(split, COMPLIANCE_SPLIT_RECORD, NULL);
}


/* The rest of a line that is no value. */
static compliance_split_event_t
in_rest(compliance_split_t *split, const char *data, size_t len, bool last)
{
    const char *end = split->at < len
                      ? memchr(data + split->at, '\n', len - split->at) : NULL;

    if (end == NULL && !last) {
        split->at = len;
        return more(split, len);
    }

    split->at = end == NULL ? len : (size_t) (end - data);

    if (end != NULL) {
        saw_newline(split, split->at);
        split->at++;
    }

    split->state = COMPLIANCE_SPLIT_TOP;

    return event(split, COMPLIANCE_SPLIT_BROKEN, "its line is no JSON object");
}


/* The blanks between two values; false: there is nothing else. */
static bool
skip_blanks(compliance_split_t *split, const char *data, size_t len)
{
    while (split->at < len && is_blank(data[split->at])) {
        if (data[split->at] == '\n') {
            saw_newline(split, split->at);
        }

        split->at++;
    }

    return split->at < len;
}


static compliance_split_event_t
in_lines(compliance_split_t *split, const char *data, size_t len, bool last)
{
    const char *end;
    size_t      to;

    while (split->at < len && is_blank(data[split->at])
           && split->begin == split->at && !split->discards)
    {
        if (data[split->at] == '\n') {
            saw_newline(split, split->at);
        }

        split->begin = ++split->at;
    }

    end = split->at < len ? memchr(data + split->at, '\n', len - split->at)
                          : NULL;

    if (end == NULL && !last) {
        split->at = len;
        return more(split, split->begin);
    }

    to = end == NULL ? len : (size_t) (end - data);

    if (to == split->begin && !split->discards) {
        split->at = to;
        split->state = COMPLIANCE_SPLIT_OVER;
        return event(split, COMPLIANCE_SPLIT_END, NULL);
    }

    split->line = split->newlines + 1;
    split->record++;
    split->at = to;

    while (to > split->begin && is_blank(data[to - 1])) {
        to--;
    }

    return give(split, data, to);
}


static compliance_split_event_t
at_top(compliance_split_t *split, const char *data, size_t len, bool last)
{
    char c;

    /* a record that had its line for itself: the others will too */
    while (split->one_line && split->at < len && is_blank(data[split->at])) {
        if (data[split->at] == '\n') {
            split->state = COMPLIANCE_SPLIT_LINES;
            split->begin = split->at;
            return in_lines(split, data, len, last);
        }

        split->at++;
    }

    if (!skip_blanks(split, data, len)) {
        if (!last) {
            return more(split, split->at);
        }

        if (!split->begun) {
            return failed(split, "it is empty: not even an empty list");
        }

        split->state = COMPLIANCE_SPLIT_OVER;
        return event(split, COMPLIANCE_SPLIT_END, NULL);
    }

    c = data[split->at];
    split->one_line = false;

    if (c == '{') {
        begin_value(split, COMPLIANCE_SPLIT_VALUE);
        return COMPLIANCE_SPLIT_MORE;
    }

    if (c == '[') {
        split->begun = true;
        split->in_page = split->wants_comma = false;
        split->line = 0;
        split->at++;
        split->state = COMPLIANCE_SPLIT_LIST;
        return COMPLIANCE_SPLIT_MORE;
    }

    if (!split->begun) {
        return failed(split, "it is no JSON: neither an object nor a list");
    }

    split->line = split->newlines + 1;
    split->record++;
    split->state = COMPLIANCE_SPLIT_REST;

    return COMPLIANCE_SPLIT_MORE;
}


static compliance_split_event_t
members(compliance_split_t *split, const char *data, size_t from, size_t to)
{
    while (from < to && (is_blank(data[from]) || data[from] == ',')) {
        from++;
    }

    while (to > from && (is_blank(data[to - 1]) || data[to - 1] == ',')) {
        to--;
    }

    split->text = (compliance_str_t) { data + from, to - from };

    return event(split, COMPLIANCE_SPLIT_MEMBERS, NULL);
}


static compliance_split_event_t
in_value(compliance_split_t *split, const char *data, size_t len, bool last)
{
    size_t begin = split->begin;

    switch (walk(split, data, len)) {

    case STEP_MORE:
        if (last) {
            split->at = len;
            split->state = COMPLIANCE_SPLIT_TOP;
            return event(split, COMPLIANCE_SPLIT_BROKEN,
                         "the source ends inside of it");
        }

        return more(split, begin);

    case STEP_ENDED:
        split->state = COMPLIANCE_SPLIT_TOP;
        return give(split, data, split->at);

    case STEP_LIST:
        /* no record, a page */
        split->at++;
        split->page++;
        split->record = 0;
        split->line = 0;
        split->in_page = true;
        split->wants_comma = false;
        split->state = COMPLIANCE_SPLIT_LIST;

        return members(split, data, begin + 1, split->key);

    case STEP_LINE:
        split->state = COMPLIANCE_SPLIT_REST;
        return COMPLIANCE_SPLIT_MORE;

    case STEP_ANEW:
        split->state = COMPLIANCE_SPLIT_TOP;
        split->one_line = false;
        return event(split, COMPLIANCE_SPLIT_BROKEN,
                     "its line ends inside of it");

    case STEP_DEEP:
        break;
    }

    return failed(split, "its values are nested too deeply");
}


static compliance_split_event_t
in_list(compliance_split_t *split, const char *data, size_t len, bool last)
{
    char c;

    if (skip_blanks(split, data, len) && split->wants_comma
        && data[split->at] == ',')
    {
        split->wants_comma = false;
        split->at++;
    }

    if (!skip_blanks(split, data, len)) {
        return last ? failed(split, "it ends before its list does")
                    : more(split, split->at);
    }

    c = data[split->at];

    if (c == ']') {
        split->at++;
        split->state = split->in_page ? COMPLIANCE_SPLIT_TAIL
                                      : COMPLIANCE_SPLIT_TOP;
        split->begin = split->at;
        split->depth = 1;
        split->last = '\0';
        split->in_string = split->discards = split->one_line = false;
        return COMPLIANCE_SPLIT_MORE;
    }

    if (split->wants_comma || c == ',' || c == '}' || c == ':') {
        return failed(split, "its list is broken: what stands between two "
                      "records is no single comma");
    }

    split->wants_comma = true;
    begin_value(split, COMPLIANCE_SPLIT_ELEMENT);

    return COMPLIANCE_SPLIT_MORE;
}


static compliance_split_event_t
in_element(compliance_split_t *split, const char *data, size_t len, bool last)
{
    step_t step;
    char   first = split->at > split->begin || split->discards
                   ? '\0' : data[split->begin];

    if (first != '\0') {
        split->naming = first != '{' && first != '[' && first != '"';
    }

    step = split->naming ? walk_scalar(split, data, len, last)
                         : walk(split, data, len);

    switch (step) {

    case STEP_MORE:
        return last ? failed(split, "it ends before its list does")
                    : more(split, split->begin);

    case STEP_ENDED:
        split->state = COMPLIANCE_SPLIT_LIST;
        return give(split, data, split->at);

    case STEP_LINE:
        split->state = COMPLIANCE_SPLIT_RESYNC;
        split->discards = false;
        return event(split, COMPLIANCE_SPLIT_BROKEN,
                     "its line ends within a text");

    case STEP_DEEP:
    case STEP_LIST:
    case STEP_ANEW:
        break;
    }

    return failed(split, "its values are nested too deeply");
}


/* The next line that begins as far in as the broken record did, or further out
 * with the end of the list. */
static compliance_split_event_t
in_resync(compliance_split_t *split, const char *data, size_t len, bool last)
{
    const char *end;
    uint64_t    column;

    for ( ;; ) {
        end = split->at < len ? memchr(data + split->at, '\n', len - split->at)
                              : NULL;
        if (end == NULL) {
            split->at = len;
            break;
        }

        split->begin = (size_t) (end - data);   /* seen again with more */
        split->at = split->begin + 1;

        while (split->at < len
               && (data[split->at] == ' ' || data[split->at] == '\t'))
        {
            split->at++;
        }

        if (split->at == len) {
            split->at = split->begin;
            break;
        }

        saw_newline(split, split->begin);
        column = split->offset + split->at - split->newline;

        if ((data[split->at] == '{' && column == split->column)
            || (data[split->at] == ']' && column < split->column))
        {
            split->wants_comma = data[split->at] == ']';
            split->state = COMPLIANCE_SPLIT_LIST;
            return COMPLIANCE_SPLIT_MORE;
        }
    }

    return last ? failed(split, "no record was found behind a broken one")
                : more(split, split->at);
}


static compliance_split_event_t
in_tail(compliance_split_t *split, const char *data, size_t len, bool last)
{
    size_t begin = split->begin;

    switch (walk(split, data, len)) {

    case STEP_ENDED:
        split->state = COMPLIANCE_SPLIT_TOP;
        split->one_line = false;

        if (split->discards) {
            split->discards = false;
            return event(split, COMPLIANCE_SPLIT_MORE, NULL);
        }

        return members(split, data, begin, split->at - 1);

    case STEP_MORE:
        return last ? failed(split, "it ends before its page does")
                    : more(split, begin);

    case STEP_LINE:
    case STEP_LIST:
    case STEP_ANEW:
    case STEP_DEEP:
        break;
    }

    return failed(split, "what stands behind its list is no JSON");
}


compliance_split_event_t
compliance_json_split(compliance_split_t *split, const char *data, size_t len,
    bool last)
{
    typedef compliance_split_event_t state_t(compliance_split_t *split,
        const char *data, size_t len, bool last);

    static state_t *const states[] = {
        [COMPLIANCE_SPLIT_TOP] = at_top,
        [COMPLIANCE_SPLIT_LINES] = in_lines,
        [COMPLIANCE_SPLIT_VALUE] = in_value,
        [COMPLIANCE_SPLIT_LIST] = in_list,
        [COMPLIANCE_SPLIT_ELEMENT] = in_element,
        [COMPLIANCE_SPLIT_RESYNC] = in_resync,
        [COMPLIANCE_SPLIT_TAIL] = in_tail,
        [COMPLIANCE_SPLIT_REST] = in_rest,
    };

    static const char bom[] = "\xef\xbb\xbf";

    compliance_split_event_t event = COMPLIANCE_SPLIT_END;
    compliance_split_state_t state;
    size_t                   consumed = 0;

    split->consumed = 0;

    if (split->offset == 0 && split->at == 0 && !split->begun) {
        if (len < sizeof(bom) - 1 && !last) {
            return COMPLIANCE_SPLIT_MORE;
        }

        if (len >= sizeof(bom) - 1 && memcmp(data, bom, sizeof(bom) - 1) == 0)
        {
            split->at = sizeof(bom) - 1;
            split->newline = split->at;
        }
    }

    /* a state that says MORE may have handed over to another one */
    do {
        state = split->state;

        if (state == COMPLIANCE_SPLIT_OVER) {
            return COMPLIANCE_SPLIT_END;
        }

        split->consumed = 0;
        event = states[state](split, data + consumed, len - consumed, last);
        consumed += split->consumed;
    } while (event == COMPLIANCE_SPLIT_MORE && split->state != state);

    split->consumed = consumed;

    return event;
}
