/* embed NAME IN OUT - write a file's bytes as a C array.  Runs at build time. */
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: embed NAME IN OUT\n");
        return 2;
    }
    FILE *in = fopen(argv[2], "rb");
    FILE *out = fopen(argv[3], "w");
    if (!in || !out) {
        perror(in ? argv[3] : argv[2]);
        return 1;
    }
    fprintf(out, "#include \"manager/catalogue.h\"\n\nconst unsigned char %s[] = {", argv[1]);
    unsigned long n = 0;
    for (int c; (c = getc(in)) != EOF; n++)
        fprintf(out, "%s%d,", n % 20 == 0 ? "\n" : "", c);
    fprintf(out, "\n};\nconst size_t %s_bytes = %lu;\n", argv[1], n);
    const int failed = ferror(in) | ferror(out);
    (void)fclose(in);
    return fclose(out) != 0 || failed;
}
