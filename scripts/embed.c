/* embed OUT FILE... - write files as a C table, for one source to include.  Runs at
 * build time.
 *
 * The table is embedded_files[], in the order of the arguments; an etag is the
 * quoted hash of the bytes. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char table_head[] = "static const struct embedded_file {\n"
                                 "    const char *name; /* without its folder */\n"
                                 "    const unsigned char *bytes;\n"
                                 "    size_t n;\n"
                                 "    const char *etag;\n"
                                 "} embedded_files[] = {\n";

/* Write the bytes of file `index`; *hash receives their FNV-1a. */
static int write_bytes(FILE *out, int index, const char *path, uint64_t *hash)
{
    FILE *in = fopen(path, "rb");
    if (!in) {
        perror(path);
        return 1;
    }
    *hash = 0xcbf29ce484222325;
    fprintf(out, "static const unsigned char bytes_%d[] = {", index);
    unsigned long n = 0;
    for (int c; (c = getc(in)) != EOF; n++) {
        fprintf(out, "%s%d,", n % 20 == 0 ? "\n" : "", c);
        *hash = (*hash ^ (uint64_t)c) * 0x100000001b3;
    }
    fprintf(out, "\n};\n");
    const int failed = ferror(in);
    return fclose(in) != 0 || failed;
}

static int write_table(FILE *out, int n, char **paths)
{
    uint64_t hashes[64];
    if (n > 64) {
        fprintf(stderr, "embed: more than 64 files\n");
        return 1;
    }
    fprintf(out, "#include <stddef.h>\n\n");
    for (int i = 0; i < n; i++)
        if (write_bytes(out, i, paths[i], &hashes[i]))
            return 1;
    fprintf(out, "%s", table_head);
    for (int i = 0; i < n; i++) {
        const char *slash = strrchr(paths[i], '/');
        fprintf(out, "    {\"%s\", bytes_%d, sizeof(bytes_%d), \"\\\"%016" PRIx64 "\\\"\"},\n",
                slash ? slash + 1 : paths[i], i, i, hashes[i]);
    }
    fprintf(out, "};\n");
    return ferror(out);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: embed OUT FILE...\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "w");
    if (!out) {
        perror(argv[1]);
        return 1;
    }
    const int failed = write_table(out, argc - 2, argv + 2);
    return fclose(out) != 0 || failed;
}
