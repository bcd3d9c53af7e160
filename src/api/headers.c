#include "api/headers.h"

#define SETTLED_S 2 /* coarser than any file system's times */

void ori_headers_init(struct ori_headers *h)
{
    *h = (struct ori_headers){0};
    (void)pthread_mutex_init(&h->lock, NULL);
}

void ori_headers_release(struct ori_headers *h)
{
    (void)pthread_mutex_destroy(&h->lock);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

bool ori_headers_get(struct ori_headers *h, const struct stat *st, struct ori_header_facts *out)
{
    const size_t at = st->st_ino % ORI_HEADERS;

    (void)pthread_mutex_lock(&h->lock);
    const bool found = same_file(&h->known[at].st, st);
    if (found)
        *out = h->known[at].facts;
    (void)pthread_mutex_unlock(&h->lock);
    return found;
}

void ori_headers_put(struct ori_headers *h, const struct stat *st, int64_t now_s,
                     const struct ori_header_facts *facts)
{
    const size_t at = st->st_ino % ORI_HEADERS;
    const int64_t changed_s =
        st->st_mtim.tv_sec > st->st_ctim.tv_sec ? st->st_mtim.tv_sec : st->st_ctim.tv_sec;

    if (now_s - changed_s <= SETTLED_S)
        return;
    (void)pthread_mutex_lock(&h->lock);
    h->known[at].st = *st;
    h->known[at].facts = *facts;
    (void)pthread_mutex_unlock(&h->lock);
}
