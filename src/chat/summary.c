/* The request for a summary.  The bundled model is trained on these bytes:
 * change them only together with it (tools/tiny). */
#include "base/ascii.h"
#include "chat/chat.h"

#include <string.h>

static const struct {
    const char *request;
    const char *period;  /* before the label; a full stop follows it */
    const char *records; /* before the records */
} wordings[] = {
    [ORI_LANG_EN] =
        {
            "Summarise these health records for the patient in clear, simple English.",
            " Period: ",
            "\nGive the main diagnoses or symptoms, medicines and changes of treatment, relevant "
            "results, trends in vital signs and pending follow-ups. Use only facts from the "
            "records.\n\nRecords:\n",
        },
    [ORI_LANG_ES] =
        {
            "Resume estos registros de salud para el paciente en español claro y sencillo.",
            " Periodo: ",
            "\nDi los diagnósticos o síntomas principales, las medicinas y los cambios de "
            "tratamiento, los resultados relevantes, las tendencias de los signos vitales y los "
            "seguimientos pendientes. Usa solo datos de los registros.\n\nRegistros:\n",
        },
};

static size_t trimmed_len(const char *text, size_t len)
{
    while (len > 0 && ori_is_space(text[len - 1]))
        len--;
    return len;
}

orion_status ori_summary_request(enum ori_lang lang, const char *period, const char *records,
                                 size_t records_len, struct ori_buf *out)
{
    (void)ori_buf_adds(out, wordings[lang].request);
    while (period && ori_is_space(*period))
        period++;
    const size_t period_len = period ? trimmed_len(period, strlen(period)) : 0;
    if (period_len > 0) {
        (void)ori_buf_adds(out, wordings[lang].period);
        (void)ori_buf_add(out, period, period_len);
        (void)ori_buf_adds(out, ".");
    }
    (void)ori_buf_adds(out, wordings[lang].records);
    return ori_buf_add(out, records, trimmed_len(records, records_len));
}
