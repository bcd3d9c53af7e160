/* links.h - models that are links to a file elsewhere. */
#ifndef CLI_LINKS_H
#define CLI_LINKS_H

#include "cli.h"

/* "intact", "changed", "gone"; NULL for a model that is no link. */
const char *cli_link_word(orion_link_state link);

/* Say of a link whose target has changed or is gone what can be done. */
void cli_note_link(const struct cli *cli, const orion_model_facts *facts);

#endif
