/* messages.h - the messages of a chat, in the shapes of OpenAI and Ollama.
 *
 * [{"role": "user", "content": "text"}], where content may also be a list of text
 * parts ({"type": "text", "text": "..."}), which are joined.  "developer" is
 * another word for "system".  Images, audio, tools and their calls are refused as
 * not supported.
 */
#ifndef SERVER_MESSAGES_H
#define SERVER_MESSAGES_H

#include <jansson.h>
#include <stddef.h>

#include <orion.h>

struct messages {
    orion_message *items; /* [n]; texts are borrowed from the JSON, or in joined[] */
    size_t n;
    char **joined; /* [n], NULL where the text is borrowed */
};

/* ORION_E_ARGUMENT, ORION_E_UNSUPPORTED, with err->name as "messages[1].content";
 * ORION_E_NOMEM.  *out needs messages_release() after success only. */
orion_status messages_read(const json_t *list, struct messages *out, orion_error *err);
void messages_release(struct messages *messages);

#endif
