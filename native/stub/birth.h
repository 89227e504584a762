/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clone3(2), whose flags no filter can see. */
#ifndef STUB_BIRTH_H
#define STUB_BIRTH_H

#include "stub/frame.h"

#ifndef __NR_clone3
#define __NR_clone3 435
#endif

enum stub_verdict birth_leads(struct stub_frame *frame);

#endif
