#include "base/names.h"

#include <string.h>
#include <strings.h>

bool ori_name_part_ok(const char *part, size_t len)
{
    if (len == 0 || len > ORI_NAME_PART_MAX || part[0] == '.' || part[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        const char c = part[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

bool ori_name_path_ok(const char *path)
{
    if (strlen(path) > ORI_NAME_PATH_MAX)
        return false;
    for (;;) {
        const size_t len = strcspn(path, "/");
        if (!ori_name_part_ok(path, len))
            return false;
        if (!path[len])
            return true;
        path += len + 1;
    }
}

bool ori_name_is_gguf(const char *name)
{
    const size_t len = strlen(name);
    return len > 5 && name[len - 6] != '/' && strcasecmp(name + len - 5, ".gguf") == 0;
}
