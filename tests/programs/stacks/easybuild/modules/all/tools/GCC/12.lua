-- SPDX-License-Identifier: GPL-2.0-or-later
setenv("EBROOTGCC", "@ROOT@/easybuild/software/GCC/12")
prepend_path("PATH", "@ROOT@/easybuild/software/GCC/12/bin")
