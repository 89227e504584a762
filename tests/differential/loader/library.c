/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One of the libraries: NAME() gives TEXT. */
const char *NAME(void);

const char *NAME(void)
{
	return TEXT;
}
