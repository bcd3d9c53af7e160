/* chat.h - a conversation on a terminal. */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include "speaker.h"

struct cli_chat_options {
    const char *system;                 /* or NULL */
    const orion_chat_options *template; /* what the model's template is told, or NULL */
    bool verbose;
    bool history; /* the arrow keys bring back earlier lines of this chat */
};

/* Talk until ^D or /bye.  Nothing that is typed is written to disk. */
int cli_chat(const struct cli *cli, struct cli_speaker *speaker,
             const orion_generate_params *params, const struct cli_chat_options *options);

#endif
