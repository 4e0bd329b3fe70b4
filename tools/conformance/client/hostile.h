/* SPDX-License-Identifier: MIT */
/* Another client beside an attack: whatever the attack does, everything is as it should be for it. */
#ifndef CONFORMANCE_HOSTILE_H
#define CONFORMANCE_HOSTILE_H

/* Its file, in a room of its own. */
int bystander_file(void);
/* So many rounds of its work. */
void bystander(int fd, int rounds);

#endif
