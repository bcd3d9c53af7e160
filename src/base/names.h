/* Names from outside that may become parts of a path or of a URL. */
#ifndef ORI_BASE_NAMES_H
#define ORI_BASE_NAMES_H

#include "base/base.h"

#define ORI_NAME_PART_MAX 200 /* leaves room for ".", ".json" and temporaries in 255 */
#define ORI_NAME_PATH_MAX 512

/* One part: [A-Za-z0-9._-], 1..200 of them, not beginning with '.' or '-'. */
bool ori_name_part_ok(const char *part, size_t len);

/* Parts joined by single slashes, at most 512 characters. */
bool ori_name_path_ok(const char *path);

/* Does the name end in ".gguf", in any case, with something before it? */
bool ori_name_is_gguf(const char *name);

#endif
