/* messages.h - the messages of a chat, in the shapes of OpenAI and Ollama.
 *
 * [{"role": "user", "content": "text"}], where content may also be a list of text
 * parts ({"type": "text", "text": "..."}), which are joined.  "developer" is
 * another word for "system".  Of an earlier answer there may be "reasoning_content"
 * (or "reasoning", or "thinking") and "tool_calls", of a tool "tool_call_id" and its
 * name ("name" or "tool_name").  Images and audio are refused as not supported.
 */
#ifndef SERVER_MESSAGES_H
#define SERVER_MESSAGES_H

#include <jansson.h>
#include <stddef.h>

#include <orion.h>

struct messages {
    orion_message *items; /* [n]; texts are borrowed from the JSON, or owned here: */
    size_t n;
    struct {
        char *content, *calls; /* or NULL */
    } * owned;                 /* [n] */
};

/* ORION_E_ARGUMENT, ORION_E_UNSUPPORTED, with err->name as "messages[1].content";
 * ORION_E_NOMEM.  *out needs messages_release() after success only. */
orion_status messages_read(const json_t *list, struct messages *out, orion_error *err);
void messages_release(struct messages *messages);

/* The tools of a request as JSON text in *out (free()), NULL when there are none; each
 * {"type": "function", "function": {"name", "description", "parameters"}}. */
orion_status messages_read_tools(const json_t *list, char **out, orion_error *err);

#endif
