#include "links.h"

const char *cli_link_word(orion_link_state link)
{
    static const char *const words[] = {
        [ORION_LINK_NONE] = NULL,
        [ORION_LINK_INTACT] = "intact",
        [ORION_LINK_CHANGED] = "changed",
        [ORION_LINK_GONE] = "gone",
    };
    return words[link];
}

void cli_note_link(const struct cli *cli, const orion_model_facts *facts)
{
    if (facts->link == ORION_LINK_GONE)
        cli_note(cli,
                 "%s is a link to '%s', which is gone or cannot be read; bring that file back, "
                 "or fetch a copy with 'orion verify --repair %s', or 'orion rm %s'.",
                 facts->id, facts->link_target, facts->id, facts->id);
    else if (facts->link == ORION_LINK_CHANGED)
        cli_note(cli,
                 "%s is a link to '%s', which has changed since it was verified; "
                 "'orion verify %s' tells whether the model is still the same.",
                 facts->id, facts->link_target, facts->id);
}
