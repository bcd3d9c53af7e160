/* The head of a response on any bytes.
 *
 * Every field keeps within its bounds and holds nothing that could steer a
 * terminal or forge another header; what was read is written down as a head
 * and read again as the same.  Seeds: heads. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "hub/ask.h"
#include "fuzz.h"

#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)

static void read_head(const char *head, size_t size, struct ori_reply *reply)
{
    memset(reply, 0, sizeof(*reply));
    while (size > 0) {
        const char *end = memchr(head, '\n', size);
        const size_t len = end ? (size_t)(end - head) + 1 : size;
        ori_reply_line(reply, head, len);
        head += len;
        size -= len;
    }
}

static void require_text(const char *field, size_t bytes)
{
    const size_t len = strnlen(field, bytes);
    require(len < bytes);
    for (size_t i = 0; i < len; i++)
        require(field[i] >= 0x20 && field[i] < 0x7f);
}

static void require_etag(const char *etag)
{
    char hex[65];

    ori_reply_etag_hex(etag, hex);
    const size_t len = strnlen(hex, sizeof(hex));
    require(len == 0 || len == 40 || len == 64);
    require(strspn(hex, "0123456789abcdef") == len);
    require(!ori_reply_etag_is_strong(etag) || (etag[0] == '"' && etag[strlen(etag) - 1] == '"'));
}

static void require_sound(const struct ori_reply *r)
{
    require(r->status >= 0 && r->status < 1000);
    require(!r->has_range || r->range_begin <= r->range_end);
    require(!r->has_retry_after || (r->retry_after_ms <= DAY_MS && r->retry_after_ms % 1000 == 0));
    require(!*r->commit ||
            (strlen(r->commit) == 40 && strspn(r->commit, "0123456789abcdef") == 40));
    require_text(r->etag, sizeof(r->etag));
    require_text(r->linked_etag, sizeof(r->linked_etag));
    require_text(r->error_code, sizeof(r->error_code));
    require_text(r->error_message, sizeof(r->error_message));
    require_text(r->content_type, sizeof(r->content_type));
    require_text(r->content_encoding, sizeof(r->content_encoding));
    require(strnlen(r->location, sizeof(r->location)) <= ORI_URL_MAX);
    require(strnlen(r->next_page, sizeof(r->next_page)) <= ORI_URL_MAX);
    require_etag(r->etag);
    require_etag(r->linked_etag);
}

static void put_text(struct ori_buf *head, const char *name, const char *value)
{
    if (*value)
        (void)ori_buf_addf(head, "%s: %s\r\n", name, value);
}

static void put_number(struct ori_buf *head, const char *name, bool has, uint64_t value)
{
    if (has)
        (void)ori_buf_addf(head, "%s: %" PRIu64 "\r\n", name, value);
}

/* What was read, as a server would say it. */
static void write_head(const struct ori_reply *r, struct ori_buf *head)
{
    (void)ori_buf_addf(head, "HTTP/1.1 %d\r\n", r->status);
    put_number(head, "Content-Length", r->has_length, r->length);
    put_number(head, "X-Linked-Size", r->has_linked_size, r->linked_size);
    put_number(head, "Retry-After", r->has_retry_after, r->retry_after_ms / 1000);
    put_text(head, "X-Repo-Commit", r->commit);
    put_text(head, "ETag", r->etag);
    put_text(head, "X-Linked-ETag", r->linked_etag);
    put_text(head, "X-Error-Code", r->error_code);
    put_text(head, "X-Error-Message", r->error_message);
    put_text(head, "Content-Type", r->content_type);
    put_text(head, "Content-Encoding", r->content_encoding);
    put_text(head, "Location", r->location);
    if (*r->next_page)
        (void)ori_buf_addf(head, "Link: <%s>; rel=\"next\"\r\n", r->next_page);
    if (r->has_range)
        (void)ori_buf_addf(head, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/", r->range_begin,
                           r->range_end);
    else if (r->has_total)
        (void)ori_buf_adds(head, "Content-Range: bytes */");
    if (r->has_total)
        (void)ori_buf_addf(head, "%" PRIu64 "\r\n", r->total);
    else if (r->has_range)
        (void)ori_buf_adds(head, "*\r\n");
}

static bool same(const struct ori_reply *a, const struct ori_reply *b)
{
    return a->status == b->status && a->has_length == b->has_length &&
           a->has_linked_size == b->has_linked_size && a->has_range == b->has_range &&
           a->has_total == b->has_total && a->has_retry_after == b->has_retry_after &&
           (!a->has_length || a->length == b->length) &&
           (!a->has_linked_size || a->linked_size == b->linked_size) &&
           (!a->has_total || a->total == b->total) &&
           (!a->has_range || (a->range_begin == b->range_begin && a->range_end == b->range_end)) &&
           (!a->has_retry_after || a->retry_after_ms == b->retry_after_ms) &&
           strcmp(a->commit, b->commit) == 0 && strcmp(a->location, b->location) == 0 &&
           strcmp(a->next_page, b->next_page) == 0;
}

/* A file's facts, from a head that claims to be the hub's answer. */
static void try_facts(const struct ori_reply *reply)
{
    static const char answered[] = "https://hub.example/acme/tiny/resolve/main/t.gguf";
    struct ori_hub_file file = {.repo = "acme/tiny", .path = "t.gguf"};
    orion_error err = {.status = ORION_OK};
    bool sized = false;

    const orion_status status = ori_hub_read_facts(reply, answered, &file, &sized, &err);
    if (status == ORION_OK) {
        const size_t digits = strlen(file.digest.hex);
        require(digits == (file.digest.kind == ORI_DIGEST_SHA256 ? 64u : 40u));
        require(strlen(file.commit) == 40);
        require(strncmp(file.url, "https://", 8) == 0 && strlen(file.url) <= ORI_URL_MAX);
    } else {
        require(err.status == status && err.message[0]);
    }
    ori_hub_file_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ori_reply reply, again; /* too large for some stacks */
    struct ori_buf head;

    read_head((const char *)data, size, &reply);
    require_sound(&reply);
    ori_buf_init(&head, (size_t)64 << 10);
    write_head(&reply, &head);
    require(head.status == ORION_OK);
    read_head(ori_buf_text(&head), head.len, &again);
    require(same(&reply, &again));
    ori_buf_release(&head);
    try_facts(&reply);
    return 0;
}
