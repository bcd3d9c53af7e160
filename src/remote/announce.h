/* How a server on this machine is found: it leaves a note in a folder that only
 * its user can write, and holds a lock while it lives.
 *
 * $XDG_RUNTIME_DIR/orion, else ~/.orionhealth/run, holds serve.json with the
 * address, the process, and the file with the token, and serve.lock.  A note
 * without its lock held is of a server that is gone, whose port may be anyone's:
 * nobody finds it. */
#ifndef ORI_REMOTE_ANNOUNCE_H
#define ORI_REMOTE_ANNOUNCE_H

#include "base/base.h"

struct ori_announcement;

/* Say that a server of ours listens at `url`, until the announcement ends, however
 * the process does.  token_file: absolute, or NULL.  ORION_E_BUSY when another one
 * is announced already. */
orion_status ori_announce(const char *url, const char *token_file, struct ori_announcement **out,
                          orion_error *err);
void ori_announce_end(struct ori_announcement *announcement); /* NULL is a no-op */

struct ori_announced {
    char *url;
    char *token; /* NULL: none is wanted */
    long pid;
};

/* ORION_E_NOT_FOUND when no server is announced.  The address is a loopback one. */
orion_status ori_announced_find(struct ori_announced *out, orion_error *err);
void ori_announced_release(struct ori_announced *announced);

/* The first line of a file of a user's own, without spaces around it: a key, a token.
 * ORION_E_NOT_FOUND, ORION_E_DENIED when others may write it or read it,
 * ORION_E_FORMAT when it holds nothing like it.  free() it. */
orion_status ori_read_secret(const char *path, const char *what, char **out, orion_error *err);

#endif
