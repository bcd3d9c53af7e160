/* Which unfinished downloads are there. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dir.h"

/* *is: the name is that of a download's journal, and there is a download. */
static orion_status read_facts(const struct ori_store *store, int dir, const char *name,
                               struct ori_partial_facts *facts, bool *is)
{
    char data[ORI_STORE_KEY_BYTES + 8];
    struct ori_journal journal;
    struct stat st;

    *is = false;
    const size_t len = strlen(name);
    if (name[0] == '.' || len <= 5 || strcmp(name + len - 5, ".json") != 0 ||
        len - 5 >= sizeof(facts->key))
        return ORION_OK;
    *facts = (struct ori_partial_facts){0};
    memcpy(facts->key, name, len - 5);
    (void)snprintf(data, sizeof(data), "%s.part", facts->key);
    if (fstatat(dir, data, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return ORION_OK;
    orion_status status = ori_journal_read(store, facts->key, &journal, NULL);
    if (status != ORION_OK)
        return status == ORION_E_NOMEM ? status : ORION_OK;
    (void)snprintf(facts->repo, sizeof(facts->repo), "%s", journal.repo);
    (void)snprintf(facts->file, sizeof(facts->file), "%s", journal.file);
    facts->size_bytes = journal.size_bytes;
    facts->disk_bytes = (uint64_t)st.st_blocks * 512;
    facts->modified_unix = st.st_mtim.tv_sec;
    facts->held = journal.held && ori_journal_matches(&journal, &st);
    status = ori_journal_claim(store, facts->key, &journal, (uint64_t)st.st_size);
    *is = status == ORION_OK;
    facts->done_bytes = ori_ranges_total(&journal.done);
    ori_journal_release(&journal);
    return status;
}

orion_status ori_store_partials(const struct ori_store *store, struct ori_partial_facts **out,
                                size_t *n, orion_error *err)
{
    struct ori_partial_facts *list = NULL;
    size_t count = 0, cap = 0;
    struct dirent *entry;
    orion_status status = ori_store_check(store, err);

    *out = NULL;
    *n = 0;
    if (status != ORION_OK)
        return status;
    const int fd = ori_dir_open(store->fd, ORI_STORE_PARTIAL_DIR, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = ori_dir_list(fd);
    if (!dir) /* none was begun, or we may not look: nothing to tell of */
        return errno == ENOMEM ? ori_fail_nomem(err, "the list of downloads") : ORION_OK;
    while (status == ORION_OK && (entry = readdir(dir))) {
        if (count == cap) {
            cap = cap ? cap * 2 : 8;
            struct ori_partial_facts *more = realloc(list, cap * sizeof(*list));
            if (!more) {
                status = ORION_E_NOMEM;
                break;
            }
            list = more;
        }
        bool is;
        status = read_facts(store, fd, entry->d_name, &list[count], &is);
        count += is;
    }
    (void)closedir(dir);
    if (status != ORION_OK) {
        free(list);
        return ori_fail_nomem(err, "the list of downloads");
    }
    *out = list;
    *n = count;
    return ORION_OK;
}
