/* general.file_type: numbers and names as llama.cpp gives them. */
#include "gguf/types.h"

#include <strings.h>

static const struct {
    uint32_t number;
    const char *name;
} file_types[] = {
    {0, "F32"},      {1, "F16"},      {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
    {8, "Q5_0"},     {9, "Q5_1"},     {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},
    {13, "Q3_K_L"},  {14, "Q4_K_S"},  {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},
    {18, "Q6_K"},    {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"}, {22, "IQ3_XS"},
    {23, "IQ3_XXS"}, {25, "IQ4_NL"},  {26, "IQ3_S"},  {27, "IQ3_M"},  {28, "IQ2_S"},
    {29, "IQ2_M"},   {30, "IQ4_XS"},  {32, "BF16"},   {38, "MXFP4"},
};

const char *ori_file_type_name(uint32_t number)
{
    for (size_t i = 0; i < ORI_COUNT(file_types); i++)
        if (file_types[i].number == number)
            return file_types[i].name;
    return NULL;
}

bool ori_file_type_by_name(const char *name, uint32_t *number)
{
    for (size_t i = 0; i < ORI_COUNT(file_types); i++)
        if (strcasecmp(file_types[i].name, name) == 0) {
            *number = file_types[i].number;
            return true;
        }
    return false;
}
