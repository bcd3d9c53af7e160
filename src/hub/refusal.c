/* What the hub's refusals mean, in sentences. */
#include "hub/internal.h"

#include <string.h>

bool ori_hub_is_transient(int http_status)
{
    switch (http_status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

/* The hub answers 401 for a private repository and for one that does not
 * exist alike, so that no one can tell which names are taken. */
static orion_status no_repo(const struct ori_hub *hub, const char *repo, orion_error *err)
{
    return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, repo,
                       "there is no repository '%s' at %s, or it is private%s", repo, hub->endpoint,
                       hub->token ? " and the token given has no access to it"
                                  : "; for a private one set HF_TOKEN");
}

static orion_status denied(const struct ori_hub *hub, const struct ori_reply *reply,
                           const char *repo, orion_error *err)
{
    if (strcmp(reply->error_code, "GatedRepo") == 0)
        return ori_fail_at(
            err, ORION_E_DENIED, ORION_NO_OFFSET, repo,
            hub->token
                ? "'%s' is gated and the token given has no access: accept its terms at %s/%s "
                  "with the account that the token belongs to"
                : "'%s' is gated: accept its terms at %s/%s and set HF_TOKEN to a token of "
                  "that account",
            repo, hub->endpoint, repo);
    if (strstr(reply->error_message, "Invalid credentials"))
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, repo,
                           "%s does not accept the token given: make a new one at "
                           "%s/settings/tokens and set HF_TOKEN, or unset it",
                           hub->endpoint, hub->endpoint);
    if (strstr(reply->error_message, "is disabled"))
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, repo,
                           "'%s' has been disabled by the hub; see %s/%s", repo, hub->endpoint,
                           repo);
    if (reply->status == 401)
        return no_repo(hub, repo, err);
    return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, repo,
                       "%s denies access to '%s' (%d%s%s); see %s/%s", hub->endpoint, repo,
                       reply->status, reply->error_message[0] ? ": " : "", reply->error_message,
                       hub->endpoint, repo);
}

orion_status ori_hub_refusal(const struct ori_hub *hub, const struct ori_reply *reply,
                             const char *repo, const char *file, const char *rev, orion_error *err)
{
    const char *code = reply->error_code;

    if (reply->status == 401 || reply->status == 403 || reply->status == 451 ||
        strcmp(code, "GatedRepo") == 0)
        return denied(hub, reply, repo, err);
    if (strcmp(code, "RepoNotFound") == 0)
        return no_repo(hub, repo, err);
    if (strcmp(code, "RevisionNotFound") == 0)
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, repo,
                           "'%s' has no revision '%s'; see %s/%s/tree/main", repo,
                           *rev ? rev : "main", hub->endpoint, repo);
    if (strcmp(code, "EntryNotFound") == 0 || (reply->status == 404 && *file))
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, file,
                           "'%s' has no file '%s'; see %s/%s/tree/main", repo, file, hub->endpoint,
                           repo);
    if (reply->status == 404)
        return no_repo(hub, repo, err);
    if (reply->status == 429)
        return ori_fail(err, ORION_E_NETWORK, "%s asks to slow down (429); try again later",
                        hub->endpoint);
    return ori_fail(err, ORION_E_NETWORK, "%s answered %d%s%s when asked for '%s'", hub->endpoint,
                    reply->status, reply->error_message[0] ? ": " : "", reply->error_message, repo);
}
