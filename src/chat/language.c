/* Spanish or English: by function words, by words that records are full of,
 * and by the letters that only one of the two has.
 *
 * Lists of records have few function words, so the nouns of the trade count as
 * well.  Words that both languages write (no, me, a, once, general, ...)
 * are in neither list.
 */
#include "chat/chat.h"

#include <string.h>

/* In lower case, sorted by bytes (the search is binary). */
// clang-format off
static const char *const english[] = {
    "about", "after", "all", "an", "and", "appointment", "are", "at", "be", "been", "blood",
    "but", "by", "changed", "chest", "cough", "daily", "date", "day", "days", "dose", "every",
    "exam", "fever", "for", "from", "had", "has", "have", "he", "headache", "health", "heart",
    "her", "his", "hours", "in", "is", "it", "left", "mild", "morning", "new", "night", "not",
    "of", "on", "or", "pain", "patient", "pressure", "pulse", "rate", "records", "reports",
    "result", "results", "right", "seen", "she", "signs", "started", "starts", "stops", "summary",
    "swelling", "symptoms", "temperature", "that", "the", "this", "throat", "tiredness", "to",
    "treatment", "twice", "visit", "was", "week", "weeks", "weight", "were", "what", "which",
    "will", "with", "without", "year", "years", "your",
};
static const char *const spanish[] = {
    "al", "antes", "arterial", "año", "años", "cada", "cita", "citas", "como", "con", "consulta",
    "cuando", "de", "del", "desde", "despues", "después", "dia", "diagnostico", "diagnóstico",
    "diario", "dias", "dice", "dolor", "dosis", "día", "días", "el", "ella", "empieza", "en",
    "es", "esta", "este", "estos", "está", "fecha", "fiebre", "fue", "glucosa", "ha", "hace",
    "hasta", "horas", "inicia", "la", "las", "leve", "lo", "los", "mañana", "medicación",
    "medicamento", "medicina", "medicinas", "medico", "mes", "más", "médico", "noche", "o",
    "paciente", "para", "pero", "peso", "por", "presion", "presión", "próxima", "pulso", "que",
    "qué", "receta", "refiere", "registros", "resultado", "resultados", "resumen", "salud", "se",
    "semana", "semanas", "si", "signos", "sin", "sintomas", "sobre", "su", "sus", "suspende",
    "síntomas", "también", "temperatura", "tension", "tensión", "toma", "tos", "tratamiento",
    "un", "una", "urgencias", "veces", "visita", "y", "ya",
};
// clang-format on

#define MAX_WORD 24u /* longer than any of them */

/* A lower-case word as it is gathered. */
struct word {
    char text[MAX_WORD];
    size_t len; /* may run past MAX_WORD: then it is none of ours */
};

static int compare(const struct word *word, const char *entry)
{
    const size_t len = strlen(entry);
    const int order = memcmp(word->text, entry, word->len < len ? word->len : len);
    if (order != 0)
        return order;
    return (word->len > len) - (word->len < len);
}

static bool is_in(const struct word *word, const char *const *list, size_t n)
{
    size_t low = 0;
    size_t high = n;

    if (word->len == 0 || word->len > MAX_WORD)
        return false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(word, list[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static void gather(struct word *word, char byte)
{
    if (word->len < MAX_WORD)
        word->text[word->len] = byte;
    word->len++;
}

/* U+00C0..U+00DE and U+00E0..U+00FE differ in one bit: the second byte of
 * their UTF-8 form in lower case. */
static char lower_latin(char second)
{
    const uint8_t byte = (uint8_t)second;
    return (char)(byte >= 0x80 && byte <= 0x9E && byte != 0x97 ? byte + 0x20 : byte);
}

struct tally {
    long english, spanish;
};

static void count_word(struct tally *tally, struct word *word)
{
    if (is_in(word, english, ORI_COUNT(english)))
        tally->english += 2;
    if (is_in(word, spanish, ORI_COUNT(spanish)))
        tally->spanish += 2;
    word->len = 0;
}

/* The letters á é í ó ú ñ speak for Spanish: a name may have one, so a word
 * counts for more. */
static bool is_spanish_letter(char second)
{
    switch ((uint8_t)second) {
    case 0xA1: /* á */
    case 0xA9: /* é */
    case 0xAD: /* í */
    case 0xB1: /* ñ */
    case 0xB3: /* ó */
    case 0xBA: /* ú */
        return true;
    default:
        return false;
    }
}

/* Two bytes that begin with C2 or C3: the Latin-1 characters. */
static void count_latin(struct tally *tally, struct word *word, char first, char second)
{
    if ((uint8_t)first == 0xC2) {
        if ((uint8_t)second == 0xA1 || (uint8_t)second == 0xBF) /* ¡ ¿ */
            tally->spanish += 3;
        count_word(tally, word);
        return;
    }
    const char lower = lower_latin(second);
    if (is_spanish_letter(lower))
        tally->spanish += 1;
    gather(word, first);
    gather(word, lower);
}

enum ori_lang ori_lang_guess(const char *text, size_t len)
{
    struct tally tally = {0};
    struct word word = {0};

    for (size_t i = 0; i < len; i++) {
        const char byte = text[i];
        if (byte >= 'A' && byte <= 'Z') {
            gather(&word, (char)(byte + ('a' - 'A')));
        } else if (((uint8_t)byte == 0xC2 || (uint8_t)byte == 0xC3) && i + 1 < len) {
            count_latin(&tally, &word, byte, text[i + 1]);
            i++;
        } else if ((byte >= 'a' && byte <= 'z') || (uint8_t)byte >= 0x80) {
            gather(&word, byte); /* also the letters of other scripts */
        } else {
            count_word(&tally, &word);
        }
    }
    count_word(&tally, &word);
    return tally.spanish > tally.english ? ORI_LANG_ES : ORI_LANG_EN;
}

bool ori_lang_by_name(const char *name, enum ori_lang *out)
{
    if (!name || strlen(name) < 2)
        return false;
    const char first = (char)(name[0] | 0x20);
    const char second = (char)(name[1] | 0x20);
    if (name[2] != '\0' && name[2] != '-' && name[2] != '_')
        return false;
    if (first == 'e' && second == 'n')
        *out = ORI_LANG_EN;
    else if (first == 'e' && second == 's')
        *out = ORI_LANG_ES;
    else
        return false;
    return true;
}
