-- SPDX-License-Identifier: GPL-2.0-or-later
help([==[ A module as EasyBuild writes them. ]==])
whatis([==[Description: foo]==])
local root = "@ROOT@/easybuild/software/Foo/1.0-GCC-12"
conflict("Foo")
depends_on("tools/GCC/12")
prepend_path("CMAKE_PREFIX_PATH", root)
prepend_path("LD_LIBRARY_PATH", pathJoin(root, "lib"))
prepend_path("PATH", pathJoin(root, "bin"))
setenv("EBROOTFOO", root)
setenv("EBVERSIONFOO", "1.0")
setenv("EBDEVELFOO", pathJoin(root, "easybuild/Foo-1.0-GCC-12-easybuild-devel"))
