/*
 * Who gives the command: the account behind sudo, else the one logged in.
 */
#include "ctl.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>


const char *
ctl_actor(void)
{
    const char          *name = getenv("SUDO_USER");
    const struct passwd *account;

    if (name == NULL || name[0] == '\0') {
        name = getenv("USER");
    }

    if (name == NULL || name[0] == '\0') {
        account = getpwuid(getuid());
        name = account == NULL ? "compliancectl" : account->pw_name;
    }

    return ctl_escape(ctl_str(name));
}
