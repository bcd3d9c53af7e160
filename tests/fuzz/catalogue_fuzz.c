/* A catalogue on any bytes: refused in words, or every entry may be used as a
 * name and is found by it.  Seeds: catalogues. */
#include <stdio.h>
#include <strings.h>

#include "base/dir.h"
#include "manager/catalogue.h"
#include "store/store.h"
#include "fuzz.h"

static void require_sound(const struct ori_catalogue *c, size_t i)
{
    const struct ori_catalogue_entry *e = &c->entries[i];
    char place[ORI_STORE_PATH_MAX];

    require(*e->id && !strpbrk(e->id, "/:@") && *e->name);
    require(ori_store_place(e->repo, e->file, place, NULL) == ORION_OK && ori_dir_path_ok(place));
    require(ori_catalogue_find(c, e->id) != NULL);
    const struct ori_catalogue_entry *found = ori_catalogue_find_path(c, place);
    require(found && found <= e);
    require(strcmp(found->repo, e->repo) == 0 && strcmp(found->file, e->file) == 0);
    for (size_t a = 0; a < json_array_size(e->aliases); a++) {
        const char *alias = json_string_value(json_array_get(e->aliases, a));
        require(!alias || ori_catalogue_find(c, alias) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_catalogue catalogue;
    orion_error err = {.status = ORION_OK};

    const orion_status status = ori_catalogue_parse(data, size, &catalogue, &err);
    if (status != ORION_OK) {
        require(status == ORION_E_FORMAT && err.status == status && err.message[0]);
        require(!catalogue.json && !catalogue.entries && catalogue.n == 0);
        return 0;
    }
    for (size_t i = 0; i < catalogue.n; i++)
        require_sound(&catalogue, i);
    ori_catalogue_close(&catalogue);
    return 0;
}
