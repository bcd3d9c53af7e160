/* What was written since the journal, by a process that may be killed.
 *
 * The journal speaks of what was synced; that costs, so it is written seldom.
 * In between, the list of what was written is put here, in place and without a
 * sync: a killed process's writes are in the page cache, and so is this.  It
 * counts only within the boot that wrote it.  There are two slots, written in
 * turn and each with a checksum, so one of them is always whole. */
#include "store/internal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"

#define MAX_RANGES 500

struct slot {
    char magic[8];
    char boot_id[40];
    uint64_t turn;
    uint64_t count;
    struct ori_range list[MAX_RANGES];
    char hex[ORI_SHA256_HEX + 8]; /* of what is before it */
};

static const char magic[8] = "ori-note";

static void seal(const struct slot *slot, char hex[ORI_SHA256_HEX + 1])
{
    struct ori_sha256 hash;
    const size_t used = offsetof(struct slot, list) + slot->count * sizeof(slot->list[0]);
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, slot, used);
    ori_sha256_hex(&hash, hex);
}

static bool is_good(const struct slot *slot, const char boot_id[40])
{
    char hex[ORI_SHA256_HEX + 1];

    if (memcmp(slot->magic, magic, sizeof(magic)) != 0 || slot->count > MAX_RANGES || !boot_id[0] ||
        memcmp(slot->boot_id, boot_id, 36) != 0)
        return false;
    seal(slot, hex);
    return memcmp(slot->hex, hex, ORI_SHA256_HEX) == 0;
}

orion_status ori_note_read(const struct ori_store *store, const char *key, struct ori_ranges *set)
{
    char path[ORI_STORE_PATH_MAX], boot_id[40];
    struct slot slot, newest = {.count = 0};
    orion_status status = ORION_OK;
    size_t got;

    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".note", path);
    const int fd = ori_dir_open(store->fd, path, O_RDONLY, 0);
    if (fd < 0)
        return status;
    ori_journal_boot_id(boot_id);
    for (uint64_t i = 0; i < 2; i++)
        if (ori_file_read_at(fd, &slot, sizeof(slot), i * sizeof(slot), &got, NULL) == ORION_OK &&
            got == sizeof(slot) && is_good(&slot, boot_id) && slot.turn >= newest.turn)
            newest = slot;
    (void)close(fd);
    for (uint64_t i = 0; i < newest.count && status == ORION_OK; i++)
        status = ori_ranges_add(set, newest.list[i].begin, newest.list[i].end);
    return status;
}

int ori_note_open(const struct ori_store *store, const char *key)
{
    char path[ORI_STORE_PATH_MAX];
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".note", path);
    return ori_dir_open(store->fd, path, O_RDWR | O_CREAT, 0600);
}

bool ori_note_write(int fd, uint64_t turn, const char boot_id[40], const struct ori_ranges *set)
{
    struct slot slot = {.turn = turn};
    char hex[ORI_SHA256_HEX + 1];

    memcpy(slot.magic, magic, sizeof(magic));
    memcpy(slot.boot_id, boot_id, sizeof(slot.boot_id));
    slot.count = set->count < MAX_RANGES ? set->count : MAX_RANGES; /* fewer claims do no harm */
    if (slot.count > 0)
        memcpy(slot.list, set->list, slot.count * sizeof(slot.list[0]));
    seal(&slot, hex);
    memcpy(slot.hex, hex, ORI_SHA256_HEX);
    return ori_file_write_at(fd, &slot, sizeof(slot), turn % 2 * sizeof(slot), NULL) == ORION_OK;
}

void ori_note_remove(const struct ori_store *store, const char *key)
{
    char path[ORI_STORE_PATH_MAX];
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".note", path);
    (void)ori_dir_unlink(store->fd, path);
}
