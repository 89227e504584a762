/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before the packed Python. Modules that /etc/nsswitch.conf of the host names
 * are made for the host's C library: ours asks the files and the name servers itself.
 */
#include <nss.h>

__attribute__((constructor)) static void names_stay_inside(void)
{
	static const char *const databases[] = {"passwd",    "group",	 "services",
						"protocols", "networks", "initgroups"};

	__nss_configure_lookup("hosts", "files dns");
	for (unsigned int i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		__nss_configure_lookup(databases[i], "files");
}
