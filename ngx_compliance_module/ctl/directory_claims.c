/*
 * Whose name is it?  A login is its owner's; another name that two persons
 * have would let one in as the other, so neither gets it.
 */
#include "directory.h"

#include <string.h>


static void
claim_login(directory_t *directory, uint32_t nth)
{
    directory_user_t *user = &directory->users[nth];
    uint32_t          other;

    other = directory_map_add(&directory->claims, user->login, nth);

    if (other == DIRECTORY_NOBODY) {
        return;
    }

    directory_tell(directory, "%s: two entries have this login; neither is "
                   "imported", ctl_escape(ctl_str(user->login)));
    directory->n_refused += !user->refused;
    user->refused = true;

    if (other != DIRECTORY_CONTESTED && !directory->users[other].refused) {
        directory->users[other].refused = true;
        directory->n_refused++;
    }
}


static void
claim_alias(directory_t *directory, uint32_t nth, const char *alias)
{
    const char *login = directory->users[nth].login, *other_login;
    uint32_t    other;

    other = directory_map_add(&directory->claims, alias, nth);

    if (other == DIRECTORY_NOBODY || other == nth) {
        return;
    }

    directory->n_contested++;

    if (other == DIRECTORY_CONTESTED) {
        directory_tell(directory, "%s: another name of %s, too, and given to "
                       "nobody", ctl_escape(ctl_str(alias)),
                       ctl_escape(ctl_str(login)));
        return;
    }

    other_login = directory->users[other].login;

    if (strcmp(other_login, alias) == 0) {
        directory_tell(directory, "%s: another name of %s, but the login of "
                       "somebody else, whose it stays",
                       ctl_escape(ctl_str(alias)),
                       ctl_escape(ctl_str(login)));
        return;
    }

    directory_map_set(&directory->claims, alias, DIRECTORY_CONTESTED);
    directory_tell(directory, "%s: another name of %s and of %s; it is given "
                   "to neither", ctl_escape(ctl_str(alias)),
                   ctl_escape(ctl_str(other_login)),
                   ctl_escape(ctl_str(login)));
}


void
directory_claims_settle(directory_t *directory)
{
    directory_map_init(&directory->claims);

    for (size_t i = 0; i < directory->n_users; i++) {
        ctl_mark_t mark = ctl_mark();

        claim_login(directory, (uint32_t) i);
        ctl_release(mark);
    }

    for (size_t i = 0; i < directory->n_users; i++) {
        const directory_user_t *user = &directory->users[i];
        const char             *alias = user->aliases;
        ctl_mark_t              mark = ctl_mark();

        for (size_t k = 0; k < user->n_aliases; k++) {
            claim_alias(directory, (uint32_t) i, alias);
            alias = directory_next_alias(alias);
        }

        ctl_release(mark);
    }
}
